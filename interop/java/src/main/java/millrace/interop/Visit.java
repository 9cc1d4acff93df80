package millrace.interop;

import com.amazonaws.kinesisvideo.parser.ebml.InputStreamParserByteSource;
import com.amazonaws.kinesisvideo.parser.ebml.MkvTypeInfos;
import com.amazonaws.kinesisvideo.parser.mkv.Frame;
import com.amazonaws.kinesisvideo.parser.mkv.MkvDataElement;
import com.amazonaws.kinesisvideo.parser.mkv.MkvElementVisitor;
import com.amazonaws.kinesisvideo.parser.mkv.MkvEndMasterElement;
import com.amazonaws.kinesisvideo.parser.mkv.MkvStartMasterElement;
import com.amazonaws.kinesisvideo.parser.mkv.StreamingMkvReader;
import com.amazonaws.kinesisvideo.parser.mkv.visitors.CompositeMkvElementVisitor;
import com.amazonaws.kinesisvideo.parser.utilities.FragmentMetadata;
import com.amazonaws.kinesisvideo.parser.utilities.FragmentMetadataVisitor;
import com.amazonaws.kinesisvideo.parser.utilities.FragmentMetadataVisitor.BasicMkvTagProcessor;
import com.amazonaws.kinesisvideo.parser.utilities.FrameVisitor;
import com.amazonaws.kinesisvideo.parser.utilities.MkvTrackMetadata;
import com.amazonaws.kinesisvideo.parser.utilities.SimpleFrameVisitor;
import com.amazonaws.services.kinesisvideo.model.StartSelector;
import java.io.FileInputStream;
import java.io.InputStream;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Reads with the visitors of the parser library, all at the same time: each argument is a stream
 * or, if it contains a slash, a file. Each frame is a line, and so is what was known of each fragment at its end.
 */
public final class Visit {
    private Visit() {}

    public static void main(String[] sources) throws Exception {
        List<Callable<Void>> readers = new ArrayList<>();
        for (String source : sources) {
            readers.add(() -> {
                if (source.contains("/")) {
                    file(source);
                } else {
                    stream(source);
                }
                return null;
            });
        }
        ExecutorService threads = Executors.newCachedThreadPool();
        for (Future<Void> reader : threads.invokeAll(readers)) {
            reader.get();
        }
        threads.shutdown();
    }

    private static void file(String path) throws Exception {
        read(new FileInputStream(path), SimpleFrameVisitor.create(new SimpleFrameVisitor.FrameProcessor() {
            @Override
            public void process(Frame frame, long cluster, long scale) {
                frame(path, null, frame, cluster, scale, 0, null);
            }
        }));
    }

    private static void stream(String name) throws Exception {
        BasicMkvTagProcessor tags = new BasicMkvTagProcessor();
        FrameVisitor frames = FrameVisitor.create(new FrameVisitor.FrameProcessor() {
            @Override
            public void process(Frame frame, MkvTrackMetadata track, Optional<FragmentMetadata> fragment,
                    Optional<FragmentMetadataVisitor.MkvTagProcessor> seen, Optional<BigInteger> scale, Optional<BigInteger> cluster) {
                frame(name, fragment.get(), frame, cluster.get().longValue(), scale.get().longValue(), tags.getTags().size(), track);
            }
        }, Optional.of(tags));
        FragmentMetadataVisitor metadata = FragmentMetadataVisitor.create();
        read(V1.media(name, new StartSelector().withStartSelectorType("EARLIEST")),
                new CompositeMkvElementVisitor(metadata, frames, new EndOfSegment(name, metadata)));
    }

    private static void read(InputStream media, MkvElementVisitor visitor) throws Exception {
        try (InputStream in = media) {
            StreamingMkvReader.createDefault(new InputStreamParserByteSource(in)).apply(visitor);
        }
    }

    private static void frame(String source, FragmentMetadata fragment, Frame frame, long cluster, long scale, int tags, MkvTrackMetadata track) {
        ByteBuffer data = frame.getFrameData().duplicate();
        data.rewind();
        Out.line("source", source, "fragment", fragment == null ? null : fragment.getFragmentNumberString(),
                "track", frame.getTrackNumber(), "at", cluster + frame.getTimeCode(), "scale", scale, "key", frame.isKeyFrame(),
                "sum", sum(data), "tags", tags, "codec", track == null ? null : track.getCodecId(),
                "width", track == null ? null : track.getPixelWidth().orElse(null));
    }

    private static String sum(ByteBuffer data) {
        try {
            MessageDigest sha = MessageDigest.getInstance("SHA-256");
            sha.update(data);
            return new BigInteger(1, sha.digest()).toString(16);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Writes what is known of a fragment when its segment ends. */
    private static final class EndOfSegment extends MkvElementVisitor {
        private final String source;
        private final FragmentMetadataVisitor metadata;

        EndOfSegment(String source, FragmentMetadataVisitor metadata) {
            this.source = source;
            this.metadata = metadata;
        }

        @Override
        public void visit(MkvStartMasterElement element) {}

        @Override
        public void visit(MkvDataElement element) {}

        @Override
        public void visit(MkvEndMasterElement element) {
            if (!MkvTypeInfos.SEGMENT.equals(element.getElementMetaData().getTypeInfo())) {
                return;
            }
            FragmentMetadata f = metadata.getCurrentFragmentMetadata().get();
            Out.line("source", source, "end", f.getFragmentNumberString(), "complete", f.isCompleteFragment(),
                    "success", f.isSuccess(), "server", f.getServerSideTimestampMillis(), "producer", f.getProducerSideTimestampMillis(),
                    "behind", metadata.getMillisBehindNow().orElse(-1), "token", metadata.getContinuationToken().orElse(null));
        }
    }
}
