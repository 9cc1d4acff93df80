// Package keyfile keeps secrets in files of their own: the root key, the key of
// the certificate authority.
//
// It promises that a file is there whole or not at all, whenever the machine
// stops, and that it says so when others than the owner can get at one.
//
// It refuses to know what is in a file.
package keyfile
