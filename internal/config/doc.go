// Package config holds the settings of the server: what they are called, what
// they are by default, where they may be written down, and which values make
// sense together.
//
// A setting has one name in four places, each of which overrules the ones
// before it:
//
//	the default         idle-timeout is 30s
//	a YAML file         idle-timeout: 45s          --config FILE or MILLRACE_CONFIG
//	the environment     MILLRACE_IDLE_TIMEOUT=45s
//	a flag              --idle-timeout 45s
//
// It promises that the settings it returns have been validated once and need
// no second look, that a key in the file which it does not know is an error
// that names the nearest one it does know, and that secrets are never printed.
// It refuses to open anything but the file it was given, and to know what the
// settings are used for.
package config
