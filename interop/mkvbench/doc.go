// Package mkvbench holds no code; its tests and benchmarks put package mkv, and
// the loop of package consumer over it, beside github.com/at-wat/ebml-go, the Matroska library that Go programs use
// most.
//
// The tests are differential: what one writes, the other must read the same,
// and both must read captured streams alike. The benchmarks run both over the
// same bytes, with a loop that merely copies them as the floor. It is a module
// of its own so that the other library stays out of the product's go.mod; it
// needs no network beyond fetching that library, and no external program.
package mkvbench
