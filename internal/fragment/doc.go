// Package fragment turns the elements of one PutMedia body into fragments:
// one Cluster, with the tags that belong to it, is one fragment.
//
// An Assembler is fed the elements that an mkv.Reader finds and calls a Sink as
// a fragment opens, grows, ends and is finished. It promises that a Sink sees
// the producer's bytes verbatim and in order, that every limit of the protocol
// is enforced with the code that the protocol gives it, and that tags are
// assigned to the fragment that the service would assign them to. A Numberer
// gives fragments their numbers. The package refuses to do I/O: it knows no
// sockets, no disk and no wall clock of its own.
package fragment
