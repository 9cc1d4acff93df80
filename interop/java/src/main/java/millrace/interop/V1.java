package millrace.interop;

import com.amazonaws.auth.AWSCredentialsProvider;
import com.amazonaws.auth.EnvironmentVariableCredentialsProvider;
import com.amazonaws.client.builder.AwsClientBuilder.EndpointConfiguration;
import com.amazonaws.regions.Regions;
import com.amazonaws.services.kinesisvideo.AmazonKinesisVideo;
import com.amazonaws.services.kinesisvideo.AmazonKinesisVideoClientBuilder;
import com.amazonaws.services.kinesisvideo.AmazonKinesisVideoMedia;
import com.amazonaws.services.kinesisvideo.AmazonKinesisVideoMediaClientBuilder;
import com.amazonaws.services.kinesisvideo.model.APIName;
import com.amazonaws.services.kinesisvideo.model.GetDataEndpointRequest;
import com.amazonaws.services.kinesisvideo.model.GetMediaRequest;
import com.amazonaws.services.kinesisvideo.model.StartSelector;
import java.io.InputStream;

/** Clients of the SDK for Java v1, which knows no variable for the endpoint. */
final class V1 {
    static final String ENDPOINT = System.getenv("AWS_ENDPOINT_URL");
    static final Regions REGION = Regions.fromName(System.getenv("AWS_REGION"));
    static final AWSCredentialsProvider CREDENTIALS = new EnvironmentVariableCredentialsProvider();

    private V1() {}

    static AmazonKinesisVideo control() {
        return AmazonKinesisVideoClientBuilder.standard()
                .withEndpointConfiguration(new EndpointConfiguration(ENDPOINT, REGION.getName()))
                .withCredentials(CREDENTIALS)
                .build();
    }

    static String endpoint(String stream, APIName api) {
        return control().getDataEndpoint(new GetDataEndpointRequest().withStreamName(stream).withAPIName(api)).getDataEndpoint();
    }

    /** The response of GetMedia. */
    static InputStream media(String stream, StartSelector from) {
        AmazonKinesisVideoMedia media = AmazonKinesisVideoMediaClientBuilder.standard()
                .withEndpointConfiguration(new EndpointConfiguration(endpoint(stream, APIName.GET_MEDIA), REGION.getName()))
                .withCredentials(CREDENTIALS)
                .build();
        return media.getMedia(new GetMediaRequest().withStreamName(stream).withStartSelector(from)).getPayload();
    }
}
