//go:build linux || darwin

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// keyPatience is how long a read waits for a key, in tenths of a second.
const keyPatience = 2

// terminalHeight is how many lines a terminal has, and false if f is none.
func terminalHeight(f *os.File) (int, bool) {
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, false
	}
	return int(size.Row), true
}

// readKeys has a terminal give each key at once, unseen; Ctrl-C is what it was.
// What it returns undoes that.
func readKeys(f *os.File) (restore func(), ok bool) {
	fd := int(f.Fd())
	before, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return nil, false
	}
	keys := *before
	keys.Lflag &^= unix.ICANON | unix.ECHO
	keys.Cc[unix.VMIN], keys.Cc[unix.VTIME] = 0, keyPatience
	if err := unix.IoctlSetTermios(fd, setTermios, &keys); err != nil {
		return nil, false
	}
	return func() { _ = unix.IoctlSetTermios(fd, setTermios, before) }, true // it did a moment ago
}
