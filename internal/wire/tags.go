package wire

// Names of the SimpleTags that the service writes into GetMedia's output.
const (
	TagFragmentNumber    = "AWS_KINESISVIDEO_FRAGMENT_NUMBER"
	TagServerTimestamp   = "AWS_KINESISVIDEO_SERVER_TIMESTAMP"
	TagProducerTimestamp = "AWS_KINESISVIDEO_PRODUCER_TIMESTAMP"
	TagMillisBehindNow   = "AWS_KINESISVIDEO_MILLIS_BEHIND_NOW"
	TagContinuationToken = "AWS_KINESISVIDEO_CONTINUATION_TOKEN" // not a credential
	TagErrorID           = "AWS_KINESISVIDEO_ERROR_ID"
	TagErrorCode         = "AWS_KINESISVIDEO_ERROR_CODE"
	TagServerSide        = "AWS_KINESISVIDEO_SERVER_SIDE_TIMESTAMP"   // of GetMediaForFragmentList alone
	TagProducerSide      = "AWS_KINESISVIDEO_PRODUCER_SIDE_TIMESTAMP" // likewise
	TagExceptionCode     = "AWS_KINESISVIDEO_EXCEPTION_ERROR_CODE"
	TagExceptionMessage  = "AWS_KINESISVIDEO_EXCEPTION_MESSAGE"
)

// Names of the SimpleTags by which a producer speaks to the service.
const (
	TagEndOfFragment   = "AWS_KINESISVIDEO_END_OF_FRAGMENT"
	TagNotification    = "AWS_KINESISVIDEO_NOTIFICATION"
	TagImageGeneration = "AWS_KINESISVIDEO_IMAGE_GENERATION"
	TagImagePrefix     = "AWS_KINESISVIDEO_IMAGE_PREFIX"
)

// TagServicePrefix begins the names that belong to the service. Names that
// begin with it are never user tags.
const TagServicePrefix = "AWS"
