// Package s3 holds no code; its test archives a stream to an S3-compatible store
// of another make, moto's, which verifies every signature, by the program that the
// guide to the consumer library shows. It is a module of its own, because it links
// both that library and the signer of AWS's SDK, which users of the one need not
// have. It refuses to speak to a store on any network.
package s3
