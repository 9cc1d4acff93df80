// Package consumer takes media out of a stream: fragments and their frames,
// live or from history, from a Millrace server or any other that speaks the
// same protocol.
//
//	client := &consumer.Client{}
//	for f, err := range client.Follow(ctx, "gate", millrace.StartSelector{}, consumer.FollowOptions{}) {
//		if err != nil {
//			return err
//		}
//		for frame, err := range f.Frames() {
//			…
//		}
//	}
//
// There are three heights to stand on. Client.GetMedia gives the bytes of one
// response, Fragments cuts such bytes into fragments and frames, and
// Client.Follow does both over any number of connections.
//
// The package promises:
//
//	C1: a fragment is handed out as soon as its Cluster has begun, and each of
//	    its frames as soon as the frame is whole; nothing waits for an end.
//	C2: fragments come in the order of their numbers, each once, and so do the
//	    frames in them, however often a connection breaks (invariant I4).
//	C3: a fragment that was not seen to its end says so.
//	C4: memory is bounded by the largest frame and the largest header.
//
// It refuses to decode, to keep a position over restarts, and to interpret what
// a producer wrote: frames are the bytes that the producer sent. Frame data is
// not copied; it is valid until the next step of the loop that handed it out.
// Nothing here is safe for use by several goroutines at once, except Client.
package consumer
