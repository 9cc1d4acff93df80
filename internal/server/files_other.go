//go:build !unix

package server

// mostFiles is how many files this process may have open.
func mostFiles() int { return usualFiles }
