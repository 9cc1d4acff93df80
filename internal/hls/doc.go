// Package hls writes the playlists of HTTP Live Streaming sessions, and keeps
// the window of fragments that they show.
//
// A Window is the state of one session: which fragments it lists, under which
// numbers, with which codec private data, at which media time and how long. It
// is told facts about fragments and the time, and nothing else moves it: it
// reads no clock, no store and no network, so the same facts at the same times
// give the same window again. Playlists and segments both take what they say
// from its entries, and therefore agree to the tick.
//
// It promises:
//
//   - H1: one window serves all renditions; audio and video have the same
//     entries, numbers and discontinuities.
//   - H2: an entry keeps its sequence number, its generation, its media time,
//     its duration and its discontinuity for as long as it is known.
//   - H3: entries are appended and fall out at the front. Nothing is inserted,
//     and what comes late is never listed.
//   - H4: the number in EXT-X-TARGETDURATION never falls, and no duration in a
//     playlist rounds to more.
//   - H5: an entry that has left the playlist is known for as long as that
//     playlist lasted and a target duration more.
//
// It refuses to choose fragments, to judge codecs and to build segments: which
// fragments there are is its caller's to say, in the order in which the session
// plays them.
//
// # Names
//
// Addresses in playlists are relative, carry the session's token and end in the
// names that the service uses; players look at the extension.
package hls
