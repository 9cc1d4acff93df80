package playback

// ClipLimits bound a clip, beyond which the rest of its range is left out. The
// zero ClipLimits is no bound.
type ClipLimits struct {
	Fragments int   // 0: any number
	Bytes     int64 // of payload; 0: any number
}

// reached reports whether a fragment is too much, with which there would be so many
// bytes behind so many fragments. The first never is. How many fragments there may be
// bounds their selection already.
func (c ClipLimits) reached(fragments int, bytes int64) bool {
	return fragments > 0 && c.Bytes > 0 && bytes > c.Bytes
}
