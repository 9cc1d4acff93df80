// Package certs is the server's certificates: its own authority, the
// certificate that its listener shows, and those of devices.
//
// It promises that the authority is made once and never replaced, that its key
// is readable by its owner alone, that a certificate that cannot be renewed or
// loaded leaves the one in use where it is, and that a device is who its
// certificate says only if this authority signed it, for a device, and for this
// time. Certificates come from files that are watched, from the authority, or
// from an ACME server.
//
// It refuses to listen, to know streams, to keep a device's key, and to sign
// another authority: what it signs ends a chain.
package certs
