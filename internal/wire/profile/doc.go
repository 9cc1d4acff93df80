// Package profile reads what users of AWS tools keep in their shared files: the
// config file and the credentials file. A profile is one user's settings in
// both, where what the credentials file says goes first; files that are not
// there are empty. It reads files and nothing else: it asks no server and
// starts no program.
package profile
