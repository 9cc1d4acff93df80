//go:build race

package consumer

// spoil overwrites what nobody may use any more, so that tests which run under
// the race detector notice those who do.
func spoil(b []byte) {
	for i := range b {
		b[i] = 0xDB
	}
}
