package auth

// matches reports whether pattern covers the whole of s. An asterisk stands for
// any number of bytes, a question mark for one, every other byte for itself;
// case counts. The time is bounded by the product of the lengths.
func matches(pattern, s string) bool {
	return glob(pattern, s, func(p, b byte) bool { return p == '?' || p == b })
}

// covers reports whether pattern covers everything that the pattern narrower
// covers. It never says so wrongly: an asterisk of narrower is covered by an
// asterisk alone, a question mark by either.
func covers(pattern, narrower string) bool {
	return glob(pattern, narrower, func(p, b byte) bool { return b != '*' && (p == '?' || p == b) })
}

// glob matches with one place to come back to: the last asterisk, which takes
// one byte more each time. Going back further cannot help, for the last one can
// take whatever an earlier one would.
func glob(pattern, s string, one func(p, b byte) bool) bool {
	star, from := -1, 0
	p, i := 0, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, i
			p++
		case p < len(pattern) && one(pattern[p], s[i]):
			p++
			i++
		case star >= 0:
			from++
			p, i = star+1, from
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}
