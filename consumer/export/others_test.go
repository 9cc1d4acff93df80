//go:build interop

package export_test

import "testing"

// TestOthersDecodeExportsOfEveryVector is what make test does with some of them.
func TestOthersDecodeExportsOfEveryVector(t *testing.T) {
	compareAll(t, func(string) bool { return true })
}
