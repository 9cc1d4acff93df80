// Package api is the HTTP side of the server: one handler that knows every
// operation of the protocol, and one file for each operation that it offers.
//
// A call passes these steps, and the first that fails answers it:
//
//	route       path and method name an operation        404
//	signature   over the request as it came               403
//	parse       the body is a JSON object of the shape    400, 413
//	constraints lengths, patterns, ranges                 400
//	permission  of the principal on the stream            403
//	rate        of requests, for each operation           400
//	existence   of the stream                             404
//	version     CurrentVersion is the stream's            400
//	state       the stream is active                      400
//
// What the package promises:
//
//	A1: a change is durable before it is answered, and answers are
//	    linearizable (the control state sees to both).
//	A2: every answer, whatever happened, has a request id and, if it is an
//	    error, a JSON body with the name that the protocol gives it. A client
//	    never sees the cause of an internal error; the log does.
//	A3: of a stream that the principal may not touch, not even the existence
//	    is told.
//	A4: a deletion that was answered is completed, over crashes and restarts.
//	A5: a token that ListStreams gave out is good after a restart, and for no
//	    other list.
//
// The package refuses to touch media. PutMedia and GetMedia are routed and
// authenticated here and then handed on.
package api
