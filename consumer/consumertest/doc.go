// Package consumertest is the other side of a consumer, for tests: a server that
// holds fragments, gives them out byte for byte as the service does, and fails
// exactly as a test tells it to.
//
// A Server understands getDataEndpoint, getMedia, listFragments,
// getMediaForFragmentList, describeStream, listStreams and listTagsForStream. A
// Stream of it holds Fragments, which are plain values: tracks, frames, tags and
// times, with a Cluster whose size is known or not, and with whatever else Matroska
// allows. A fragment is added whole, or arrives frame by frame while readers read.
// Each call for media follows the next Step of a queue; a Step is a plain value
// that says where the response is cut, reset, held up, repeated, spoilt or refused.
// What was asked and sent is told afterwards by Calls; a Ledger takes what a
// reader got, and says whether that is each frame once, in order, byte for byte.
//
// A response for media is one document after the other:
//
//	EBML header
//	Segment                size unknown, 8 bytes
//	  Info, Tracks
//	  Tags                 the producer's, in front of the media
//	  Tags                 FRAGMENT_NUMBER, SERVER_TIMESTAMP, PRODUCER_TIMESTAMP
//	  Cluster              size known or unknown
//	    Timecode, blocks
//	  Tags                 the producer's, behind the media
//	  Tags                 MILLIS_BEHIND_NOW, CONTINUATION_TOKEN (getMedia alone)
//
// A Server stands on loopback, or, with Config.Pipes, on connections in memory,
// which work inside a testing/synctest bubble: there the Server must be made inside
// the bubble, closed before its end, and reached with its HTTPClient or Dial. It is
// an http.Handler as well, for who has a listener already.
//
// The package promises:
//
//	T1: a Step without faults is a server as it should be, whatever came before.
//	T2: the bytes of a fragment are the same in every response, but for the age that
//	    stands behind it.
//	T3: Close waits for every goroutine that the Server has started.
//	T4: nothing is drawn by chance but by a seed that the test gave.
//
// It refuses to be a server for production: it keeps every byte in memory, and
// verifies signatures only when it was given keys.
package consumertest
