//go:build !race

package mkv

// spoiling says that elements keep their bytes until those are read over.
const spoiling = false

func spoil([]byte) {}
