// Package consumer takes media out of a stream: fragments and their frames,
// live or from history, from a Millrace server or any other that speaks the
// same protocol.
//
//	client := &consumer.Client{}
//	for frame, err := range client.Live("gate", consumer.LiveOptions{}).Frames(ctx) {
//		if err != nil {
//			return err
//		}
//		…
//	}
//
// A Reader is what all of it comes through. Client.Live makes one that follows a
// stream, Client.Archive one for a range of what is kept, ReadFrom one for a file
// or a response. Its loops hand out fragments, or frames; connections, their
// rotation and resumption are its own business. Positions, to the frame, are kept
// in a checkpoint.Store or by the application.
//
// The package promises:
//
//	C1: a fragment is handed out as soon as its Cluster has begun, and each of
//	    its frames as soon as the frame is whole; nothing waits for an end.
//	C2: fragments come in the order of their numbers, each once, and so do the
//	    frames in them, however often a connection breaks (invariant I4).
//	C3: a fragment that was not seen to its end says so.
//	C4: memory is bounded by the largest frame and the largest header.
//	C5: what passes is told by Events and waited for; what an iterator yields as
//	    an error is its last step.
//	C6: a loop that goes on at a Position has the frames behind it, and no other.
//
// It refuses to decode (see decode), and to interpret what a producer wrote:
// frames are the bytes that the producer sent. Frame data is not copied; it is
// valid until the next step of the loop that handed it out. Nothing here is safe
// for use by several goroutines at once, except Client and what says so.
package consumer
