// Package clock keeps the server's time: the one that fragment numbers carry,
// and by which fragments expire.
//
// The machine's wall clock cannot be that time, because it may be set, step
// and be wrong, and what it says once would be in the numbers for ever. The
// server's time advances on a clock that never steps, and is led back to the
// wall clock with care:
//
//	wall clock is within a minute        followed by running 5 % faster or slower
//	wall clock is ahead                  followed once it has been so for a minute;
//	                                     at a start at once, up to 31 days
//	wall clock is behind                 not followed: the server's time goes on;
//	                                     an operator may accept it, and then the
//	                                     server's time runs at half speed until
//	                                     the wall clock has caught up
//	followed by more than an hour        (a leap) does not count for expiry until
//	                                     the wall clock has agreed for a day, an
//	                                     operator has accepted it, or what is
//	                                     older than it would have expired anyway
//
// What it promises:
//
//	C1: server time never decreases, in a process and over starts (I3).
//	C2: it is never ahead of where it started and the time that has passed since
//	    but by what the wall clock has said for a minute, to a minute, by 31 days
//	    a start, and by a twentieth of the time.
//	C3: without an operator no reading of the wall clock makes anything expire
//	    within a day that would not have expired without it, but for two
//	    hours, and none keeps anything for ever (I6).
//
// The package refuses to read or write anything but the two clocks: what has to
// be remembered over starts is given to it and asked of it.
package clock
