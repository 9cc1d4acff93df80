package media

// skipHEVCTools passes over the fields of an H.265 SPS between the ordering
// information and the usability information, and reports whether the latter
// follows. It is false too where the fields are damaged.
func skipHEVCTools(r *bitReader, orderBits int) bool {
	for range 6 { // block sizes and transform depths
		r.ue()
	}
	if r.flag() { // scaling_list_enabled_flag
		skipHEVCScalingLists(r)
	}
	r.skip(2)     // amp_enabled_flag, sample_adaptive_offset_enabled_flag
	if r.flag() { // pcm_enabled_flag
		r.skip(8)
		r.ue()
		r.ue()
		r.skip(1)
	}
	if !skipHEVCShortTermSets(r) {
		return false
	}
	if r.flag() { // long_term_ref_pics_present_flag
		count := r.ue()
		if count > 32 {
			return false
		}
		r.skip(int(count) * (orderBits + 1))
	}
	r.skip(2) // sps_temporal_mvp_enabled_flag, strong_intra_smoothing_enabled_flag
	return r.flag() && !r.short
}

func skipHEVCScalingLists(r *bitReader) {
	if !r.flag() { // sps_scaling_list_data_present_flag
		return
	}
	for size := range 4 {
		step := 1
		if size == 3 {
			step = 3
		}
		for matrix := 0; matrix < 6; matrix += step {
			skipHEVCScalingList(r, size)
		}
	}
}

func skipHEVCScalingList(r *bitReader, size int) {
	if !r.flag() { // scaling_list_pred_mode_flag
		r.ue()
		return
	}
	if size > 1 {
		r.se()
	}
	for range min(64, 1<<(4+size<<1)) {
		r.se()
	}
}

// skipHEVCShortTermSets passes over the short-term reference picture sets, each
// of which may be told as a change of the one before.
func skipHEVCShortTermSets(r *bitReader) bool {
	count := r.ue()
	if count > 64 {
		return false
	}
	pictures := uint32(0) // in the previous set
	for i := range count {
		if i > 0 && r.flag() { // inter_ref_pic_set_prediction_flag
			pictures = skipHEVCPredictedSet(r, pictures)
			continue
		}
		negative, positive := r.ue(), r.ue()
		if negative > 16 || positive > 16 || r.short {
			return false
		}
		pictures = negative + positive
		for range pictures {
			r.ue()
			r.skip(1)
		}
	}
	return !r.short
}

// skipHEVCPredictedSet passes over a set told as a change of one with the given
// number of pictures, and returns its own number.
func skipHEVCPredictedSet(r *bitReader, previous uint32) uint32 {
	r.skip(1) // delta_rps_sign
	r.ue()    // abs_delta_rps_minus1
	pictures := uint32(0)
	for range previous + 1 {
		used := r.flag()
		if used || r.flag() { // used_by_curr_pic_flag, use_delta_flag
			pictures++
		}
	}
	return pictures
}
