//go:build !linux && !darwin

package main

import "os"

// terminalHeight says that no terminal is drawn on here.
func terminalHeight(*os.File) (int, bool) { return 0, false }

// readKeys says that keys cannot be read one by one here.
func readKeys(*os.File) (restore func(), ok bool) { return nil, false }
