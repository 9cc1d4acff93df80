package producer

// notsentLowat is TCP_NOTSENT_LOWAT, on every architecture.
const notsentLowat = 25
