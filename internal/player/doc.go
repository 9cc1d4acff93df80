// Package player holds the page that shows a stream in a browser: one document,
// one sheet of styles, two scripts, and hls.js beside them.
//
// It promises a page that works from the binary alone. Nothing in it asks any
// other place than the server it came from, which its Content-Security-Policy
// holds it to, and nothing in it is a secret: whoever has the address of a
// playback session sees that session, and who has not sees an empty page. That
// address stands in the fragment of the page's own, behind the "#", which
// browsers do not send, so that the token in it comes into no log. The page takes
// an address only if it is of a playlist of this very server.
//
// It refuses to know of streams and sessions: making a session is an operation
// of the API, and the page reads playlists as any other player does.
//
// page/hls-1.7.4.min.js is the file dist/hls.min.js of the npm package hls.js
// 1.7.4 as it is published, byte for byte, under the Apache License 2.0 and with
// the notice in page/hls-license.txt. A test holds it to its checksum.
package player
