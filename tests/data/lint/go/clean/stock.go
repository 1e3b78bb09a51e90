// Package stock counts what is left.
package stock

// Left is how many of have are left once sold went.
func Left(have, sold uint) uint {
	if sold > have {
		return 0
	}
	return have - sold
}
