//go:build !unix

package sqlite

func onReadOnlyDisk(string) bool { return false }
