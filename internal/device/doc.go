// Package device knows the devices that have a certificate of the server's
// authority, and gives them credentials for a while, as AWS IoT does.
//
// It promises that credentials are given to a device that is known, enabled and
// within the time of its newest certificate, and to nobody else; that they reach
// the streams of the device and the operations of a producer, no more; and that
// they are of no use from the moment on at which the device was disabled or
// deleted, or got another certificate.
//
// It refuses to speak HTTP, to see a device's key, and to decide who may make
// devices. What is kept of one is a document of the control state.
package device
