package producer

// notsentLowat is TCP_NOTSENT_LOWAT.
const notsentLowat = 0x201
