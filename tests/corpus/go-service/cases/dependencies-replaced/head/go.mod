module example.com/linkd

go 1.23

replace example.com/helper => ../../helper
