// Package playback turns kept fragments into what players load: it selects them
// by time, says which codecs may be played, seals the addresses that it gives out,
// and packages segments. It serves any number of viewers at once. What they all ask
// for is made once.
//
// What it promises:
//
//	P1: a selection is of one moment, in the order of its clock, and takes
//	    memory for its result and one page besides, however long the range is.
//	P2: a token opens the one stream, range and format that it was made for,
//	    until it expires, and nothing else; who has none can make none.
//	P3: a segment is packaged once, however many ask for it at the same time, and
//	    nobody who goes away or reads slowly holds up the others.
//	P4: what is in memory is bounded: segments and facts in bytes, sessions in
//	    number. Everything that is let go can be made again from the token.
//
// It refuses to know HTTP and credentials: who may call, and how an answer leaves,
// is the business of internal/api.
package playback
