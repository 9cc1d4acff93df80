// Package producer puts media into a stream of a Millrace server, or of any
// other that speaks the same protocol, and says when it is safe.
//
//	client := &producer.Client{}
//	up, err := client.Open(ctx, "gate", producer.Options{Create: &producer.Spec{Retention: 24 * time.Hour}})
//	…
//	w := producer.NewFrameWriter(up, tracks)
//	err = w.WriteFrame(ctx, frame)
//	…
//	err = up.Close(ctx)
//
// An Upload takes fragments: from a FrameWriter, which makes them of frames,
// from a Clip, which is a Matroska file in memory that can be played in real
// time and over and over, from Copy, which takes them out of a running Matroska
// stream, or made by hand with Begin, Append and End.
//
// The package promises:
//
//	P1: a fragment is kept, in memory, until the server has acknowledged that
//	    it is durable, and sent again as often as the connection breaks.
//	P2: fragments are sent in the order in which they were begun, each frame as
//	    soon as it was appended.
//	P3: what is kept is bounded; a full buffer makes writers wait.
//	P4: no fragment is given up silently: one that the server refuses is
//	    reported, and what ends the upload is returned by every later call.
//
// It refuses to encode, to keep media over a restart of the process, and to
// drop fragments because a network is slow.
package producer
