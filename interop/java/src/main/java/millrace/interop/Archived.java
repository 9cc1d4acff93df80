package millrace.interop;

import com.amazonaws.client.builder.AwsClientBuilder.EndpointConfiguration;
import com.amazonaws.kinesisvideo.parser.examples.GetMediaForFragmentListWorker;
import com.amazonaws.kinesisvideo.parser.examples.ListFragmentWorker;
import com.amazonaws.kinesisvideo.parser.utilities.FragmentMetadata;
import com.amazonaws.kinesisvideo.parser.utilities.FragmentMetadataVisitor;
import com.amazonaws.kinesisvideo.parser.utilities.FrameVisitor;
import com.amazonaws.kinesisvideo.parser.utilities.MkvTrackMetadata;
import com.amazonaws.kinesisvideo.parser.mkv.Frame;
import com.amazonaws.kinesisvideo.parser.mkv.visitors.CompositeMkvElementVisitor;
import com.amazonaws.services.kinesisvideo.AmazonKinesisVideoArchivedMedia;
import com.amazonaws.services.kinesisvideo.AmazonKinesisVideoArchivedMediaClientBuilder;
import com.amazonaws.services.kinesisvideo.model.APIName;
import com.amazonaws.services.kinesisvideo.model.ClipFragmentSelector;
import com.amazonaws.services.kinesisvideo.model.ClipFragmentSelectorType;
import com.amazonaws.services.kinesisvideo.model.ClipTimestampRange;
import com.amazonaws.services.kinesisvideo.model.FragmentSelector;
import com.amazonaws.services.kinesisvideo.model.FragmentSelectorType;
import com.amazonaws.services.kinesisvideo.model.GetClipRequest;
import com.amazonaws.services.kinesisvideo.model.GetClipResult;
import com.amazonaws.services.kinesisvideo.model.GetHLSStreamingSessionURLRequest;
import com.amazonaws.services.kinesisvideo.model.GetMediaForFragmentListRequest;
import com.amazonaws.services.kinesisvideo.model.HLSFragmentSelector;
import com.amazonaws.services.kinesisvideo.model.HLSFragmentSelectorType;
import com.amazonaws.services.kinesisvideo.model.HLSPlaybackMode;
import com.amazonaws.services.kinesisvideo.model.HLSTimestampRange;
import com.amazonaws.services.kinesisvideo.model.InvalidArgumentException;
import com.amazonaws.services.kinesisvideo.model.TimestampRange;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Date;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * Reads archived media as "Archived STREAM FRAGMENTS": with the workers of the parser library for
 * lists, and with the SDK for Java v1 for clips and sessions.
 */
public final class Archived {
    private Archived() {}

    public static void main(String[] args) throws Exception {
        String stream = args[0];
        int count = Integer.parseInt(args[1]);
        List<String> numbers = list(stream);
        Check.same("number of fragments", count, numbers.size());
        media(stream, numbers);

        Date start = new Date(System.currentTimeMillis() - 3_600_000);
        Date end = new Date();
        GetClipResult clip = client(stream, APIName.GET_CLIP).getClip(new GetClipRequest().withStreamName(stream)
                .withClipFragmentSelector(new ClipFragmentSelector().withFragmentSelectorType(ClipFragmentSelectorType.SERVER_TIMESTAMP)
                        .withTimestampRange(new ClipTimestampRange().withStartTimestamp(start).withEndTimestamp(end))));
        byte[] head = clip.getPayload().readNBytes(8);
        Check.same("content type", "video/mp4", clip.getContentType());
        Check.same("the clip's first box", "ftyp", new String(head, 4, 4, "US-ASCII"));
        clip.getPayload().close();

        String url = client(stream, APIName.GET_HLS_STREAMING_SESSION_URL).getHLSStreamingSessionURL(
                new GetHLSStreamingSessionURLRequest().withStreamName(stream).withPlaybackMode(HLSPlaybackMode.ON_DEMAND)
                        .withHLSFragmentSelector(new HLSFragmentSelector().withFragmentSelectorType(HLSFragmentSelectorType.SERVER_TIMESTAMP)
                                .withTimestampRange(new HLSTimestampRange().withStartTimestamp(start).withEndTimestamp(end))))
                .getHLSStreamingSessionURL();
        Check.that(url + " is the server's", url.startsWith(V1.ENDPOINT + "/hls/v1/"));

        try {
            client(stream, APIName.GET_MEDIA_FOR_FRAGMENT_LIST).getMediaForFragmentList(
                    new GetMediaForFragmentListRequest().withStreamName(stream).withFragments("x"));
            Check.that("a number that is none is refused", false);
        } catch (InvalidArgumentException e) {
            Check.that(e.getMessage() + " says why", e.getMessage().contains("Fragment numbers are invalid : x"));
        }
    }

    /** What the library's worker lists, a hundred at a time. */
    private static List<String> list(String stream) throws Exception {
        FragmentSelector all = new FragmentSelector().withFragmentSelectorType(FragmentSelectorType.SERVER_TIMESTAMP)
                .withTimestampRange(new TimestampRange().withStartTimestamp(new Date(0)).withEndTimestamp(new Date()));
        return ListFragmentWorker.create(stream, V1.CREDENTIALS, V1.REGION, V1.control(), all).call();
    }

    /** What the library's worker reads of a list, last fragment first, and its visitors see. */
    private static void media(String stream, List<String> numbers) throws Exception {
        List<String> asked = new ArrayList<>(numbers);
        Collections.reverse(asked);
        Set<String> seen = new TreeSet<>();
        int[] frames = new int[1];
        FragmentMetadataVisitor metadata = FragmentMetadataVisitor.create();
        FrameVisitor visitor = FrameVisitor.create(new FrameVisitor.FrameProcessor() {
            @Override
            public void process(Frame frame, MkvTrackMetadata track, Optional<FragmentMetadata> fragment,
                    Optional<FragmentMetadataVisitor.MkvTagProcessor> tags, Optional<BigInteger> scale, Optional<BigInteger> cluster) {
                Check.that("there is a server time", fragment.get().getServerSideTimestampMillis() > 1_600_000_000_000L);
                Check.that("a fragment is none of an error", fragment.get().isSuccess());
                seen.add(fragment.get().getFragmentNumberString());
                frames[0]++;
            }
        });
        GetMediaForFragmentListWorker.create(stream, asked, V1.CREDENTIALS, V1.REGION, V1.control(),
                new CompositeMkvElementVisitor(metadata, visitor)).run();
        Check.same("what the visitors saw", numbers, new ArrayList<>(seen));
        Out.line("frames", frames[0]);
    }

    private static AmazonKinesisVideoArchivedMedia client(String stream, APIName api) {
        return AmazonKinesisVideoArchivedMediaClientBuilder.standard()
                .withEndpointConfiguration(new EndpointConfiguration(V1.endpoint(stream, api), V1.REGION.getName()))
                .withCredentials(V1.CREDENTIALS)
                .build();
    }
}
