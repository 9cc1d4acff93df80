// Package egress writes fragments as GetMedia and GetMediaForFragmentList deliver them: one complete
// Matroska document per fragment, with the service's tags before and behind
// the Cluster.
//
//	EBML header          verbatim
//	Segment              unknown size
//	Info, Tracks, …      verbatim
//	Tags                 of the producer, if they lead the fragment
//	Tags                 number, server time, producer time
//	Cluster              verbatim, block by block while it arrives
//	Tags, Cues, …        of the producer, behind the Cluster
//	Tags                 milliseconds behind now, continuation token
//
// GetMediaForFragmentList has the same, of fragments that are kept: its tags before
// the Cluster have the times under two names, and there are none behind it.
//
// It promises that a client sees every whole block as soon as the server has
// it, that all bytes of a producer are unchanged, and that what is written is a
// whole document at every orderly end. It refuses to know HTTP: it writes
// chunks to whatever takes them.
package egress
