// Package producer puts media into streams of a Millrace server, or of any
// other that speaks the same protocol, and says when they are safe.
//
//	client := &producer.Client{}
//	cam, err := client.Open(ctx, "gate", producer.StreamConfig{
//		Create: &producer.Spec{Retention: 24 * time.Hour},
//		Tracks: tracks,
//	})
//	…
//	err = cam.Write(ctx, frame)
//	…
//	err = cam.Close(ctx)
//
// A Stream takes frames, by Write or from a Source by Copy, and makes fragments
// of them; or whole fragments from a Clip, which is a Matroska file in memory
// that can be played in real time and over and over, or from CopyMKV, which
// takes them out of a running Matroska stream.
//
// The package promises:
//
//	P1: a fragment is kept until the server has acknowledged that it is
//	    durable, and sent again as often as the connection breaks. A server that
//	    knows the producer keeps it once.
//	P2: fragments are sent in the order in which they were begun, each frame as
//	    soon as it was written, unless the stream's rules say otherwise.
//	P3: what is kept is bounded; what a full buffer does is the stream's policy.
//	P4: nothing is given up silently, and nothing because of the network or of
//	    what a server answers to a call: what is dropped by policy, or refused by
//	    the server for what is wrong with it, is reported with its time range.
//	P5: Write does not wait for the network, unless the policy says so.
//
// It refuses to encode and to decode.
package producer
