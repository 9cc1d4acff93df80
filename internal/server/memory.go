package server

// usualMemory is taken where the machine does not say how much it has, in
// bytes.
const usualMemory = 4 << 30
