package main

// expect is the summary of a body, in the form of the .expect.json files that
// come with recorded bodies.
type expect struct {
	// Bytes is the length of the body, HeaderBytes the part before the first Tags
	// or Cluster.
	Bytes         int        `json:"bytes"`
	HeaderBytes   int        `json:"header_bytes"`
	TimecodeScale int        `json:"timecode_scale"`
	Tracks        []track    `json:"tracks"`
	Fragments     []fragment `json:"fragments"`
	// TrailingBytes is the part of the body after its last whole element.
	TrailingBytes int `json:"trailing_bytes"`
	Segments      int `json:"segments"`
	// CleanEnd says that the request ends with the terminating chunk.
	CleanEnd   bool    `json:"clean_end"`
	DurationMS float64 `json:"duration_ms"`
}

type track struct {
	Number          int     `json:"number"`
	UID             uint64  `json:"uid"`
	Type            int     `json:"type"`
	Name            string  `json:"name,omitempty"` // without NUL bytes at its end
	CodecID         string  `json:"codec_id"`       // likewise
	Width           int     `json:"width,omitempty"`
	Height          int     `json:"height,omitempty"`
	Rate            float64 `json:"rate,omitempty"`
	Channels        int     `json:"channels,omitempty"`
	CodecPrivateHex string  `json:"codec_private_hex,omitempty"`
}

type fragment struct {
	// Offset is where the Cluster begins, SizeField what stands in its size.
	Offset    int            `json:"offset"`
	SizeField string         `json:"size_field"`
	Timecode  uint64         `json:"timecode"`
	Blocks    map[string]int `json:"blocks"`
	Keyframes int            `json:"keyframes"` // blocks with the key flag, which here only track 1 has
	// FirstRel to MaxRel are times of blocks relative to the Cluster: in order of
	// the body the first and the last, and the smallest and the largest.
	FirstRel     int `json:"first_rel"`
	LastRel      int `json:"last_rel"`
	MinRel       int `json:"min_rel"`
	MaxRel       int `json:"max_rel"`
	PayloadBytes int `json:"payload_bytes"`
	// TagsBefore stand before the first Cluster of the body, TagsAfter behind the
	// fragment's Cluster, TagsAfterEOFR behind its end-of-fragment tag.
	TagsBefore    [][2]string `json:"tags_before"`
	TagsAfter     [][2]string `json:"tags_after"`
	TagsAfterEOFR [][2]string `json:"tags_after_eofr"`
	EOFR          bool        `json:"end_of_fragment_tag"`
}
