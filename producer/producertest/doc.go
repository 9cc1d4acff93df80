// Package producertest is the other side of a producer, for tests: a server
// that speaks the calls which producers make, keeps what it was sent in memory,
// and fails exactly as a test tells it to; and a proxy that does to connections
// what bad networks do.
//
// A Server understands describeStream, createStream, tagStream, getDataEndpoint
// and putMedia. It acknowledges like a server of the protocol, finds the same
// faults in media, and by its Config behaves like Millrace, which keeps a
// fragment of an identified producer once, or like AWS, which keeps it as often
// as it is sent. Each PutMedia call follows the next Step of a queue; a Step is a
// plain value that says where the call is cut, reset, held up or refused and how
// it is acknowledged. What came of it all is asked afterwards: Fragments,
// Persisted, Attempts, Calls, Events.
//
// The head of each PutMedia call is judged by HeadRules; a Server that is Strict
// refuses calls that break one.
//
// A Server stands on loopback, or, with Config.Pipes, on connections in memory,
// which work inside a testing/synctest bubble: there the Server must be made
// inside the bubble, closed before its end, and reached with its Dial.
//
// A Proxy stands before any TCP server, and delays, slows, cuts and swallows by
// a schedule that a seed decides.
//
// A Watch stands between a client and what makes its connections, and says whether
// the client leaves a host alone that is away.
//
// The package promises:
//
//	T1: what Persisted returns was complete, and was acknowledged PERSISTED
//	    unless the Step said otherwise or the connection was gone.
//	T2: a Step without faults is a server as it should be, whatever came before.
//	T3: Close waits for every goroutine that the Server or Proxy has started.
//	T4: nothing is drawn by chance but by a seed that the test gave.
//
// It refuses to be a server for production: it keeps every byte in memory, and
// authenticates only when told to.
package producertest
