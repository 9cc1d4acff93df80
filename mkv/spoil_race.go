//go:build race

package mkv

// spoiling says that elements are overwritten when they are no longer valid, so
// that tests which run under the race detector notice late use.
const spoiling = true

func spoil(b []byte) {
	for i := range b {
		b[i] = 0xDB
	}
}
