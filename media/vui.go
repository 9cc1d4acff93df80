package media

// Color says how decoded samples map to light: the code points of ITU-T H.273.
// The zero value is "not said"; 2 is "unspecified".
type Color struct {
	Primaries, Transfer, Matrix uint8
	FullRange                   bool
}

// Ratio is the width of a sample in relation to its height; zero if unknown.
type Ratio struct {
	Width, Height uint16
}

// readAspectRatio reads aspect_ratio_idc and what follows it, which H.264 and
// H.265 have in common.
func readAspectRatio(r *bitReader) Ratio {
	table := [...]Ratio{
		{},
		{1, 1},
		{12, 11},
		{10, 11},
		{16, 11},
		{40, 33},
		{24, 11},
		{20, 11},
		{32, 11},
		{80, 33},
		{18, 11},
		{15, 11},
		{64, 33},
		{160, 99},
		{4, 3},
		{3, 2},
		{2, 1},
	}
	const extended = 255
	idc := r.bits(8)
	switch {
	case idc == extended:
		return Ratio{Width: uint16(r.bits(16)), Height: uint16(r.bits(16))}
	case int(idc) < len(table):
		return table[idc]
	default:
		return Ratio{}
	}
}

// readVideoSignal reads the fields from aspect_ratio_info_present_flag to the
// end of chroma_loc_info, which H.264 and H.265 have in common.
func readVideoSignal(r *bitReader) (aspect Ratio, color Color) {
	if r.flag() { // aspect_ratio_info_present_flag
		aspect = readAspectRatio(r)
	}
	if r.flag() { // overscan_info_present_flag
		r.skip(1)
	}
	if r.flag() { // video_signal_type_present_flag
		r.skip(3) // video_format
		color.FullRange = r.flag()
		color.Primaries, color.Transfer, color.Matrix = 2, 2, 2
		if r.flag() { // colour_description_present_flag
			color.Primaries = uint8(r.bits(8))
			color.Transfer = uint8(r.bits(8))
			color.Matrix = uint8(r.bits(8))
		}
	}
	if r.flag() { // chroma_loc_info_present_flag
		r.ue()
		r.ue()
	}
	return aspect, color
}
