// Package memory bounds what media take in memory: one Budget for all streams,
// sessions and readers together.
//
// It only counts. Whoever is about to make or keep a piece of memory takes as
// many bytes of the Budget first, and gives them back when the memory is free
// again. Three quarters are for what comes in, one quarter for what goes out:
//
//	Writer   one session: its buffers and its open fragment
//	         handed over when the fragment is complete: nobody's, until it is durable
//	Loan     what a reader holds: a fragment from the store, or one of the tail
//	         that only readers hold any more
//
// What it promises:
//
//	M1: what is counted is never more than the limit, but for what a fragment
//	    turns out to take besides when it is complete. A Writer counts for at
//	    most half of the writers' part, a Loan for at most all of the readers',
//	    so that a small Budget lets one large fragment pass.
//	M2: who asks for more than there is waits, in the order of asking. Only those
//	    go first, for half a minute, who will be done sooner: who have a little
//	    to add to what they have, and then who have begun. A session that waits
//	    does not read its socket.
//	M3: if nothing is given back for five seconds while somebody waits, the
//	    largest Writer is told to end, with a code on which its client sends
//	    again; or of the readers that take nothing the one that holds a Loan for
//	    longest is cut off.
//	M4: readers make a writer wait for a second at most: where they hold more
//	    than their part, those that have taken nothing for so long are cut off.
//
// The package refuses to allocate, and to know what the bytes are.
package memory
