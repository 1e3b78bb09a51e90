module example.com/linkd

go 1.24
