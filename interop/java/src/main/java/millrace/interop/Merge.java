package millrace.interop;

import com.amazonaws.kinesisvideo.parser.ebml.InputStreamParserByteSource;
import com.amazonaws.kinesisvideo.parser.mkv.StreamingMkvReader;
import com.amazonaws.kinesisvideo.parser.utilities.OutputSegmentMerger;
import com.amazonaws.kinesisvideo.parser.utilities.consumer.MergedOutputPiper;
import com.amazonaws.services.kinesisvideo.model.StartSelector;
import java.io.BufferedOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Reads STREAM from its beginning twice: OutputSegmentMerger writes the file MERGED, and
 * MergedOutputPiper hands the media to a program that writes the file PIPED.
 */
public final class Merge {
    private static final StartSelector EARLIEST = new StartSelector().withStartSelectorType("EARLIEST");

    private Merge() {}

    public static void main(String[] args) throws Exception {
        merge(args[0], Path.of(args[1]));
        pipe(args[0], Path.of(args[2]));
    }

    private static void merge(String stream, Path merged) throws Exception {
        try (InputStream in = V1.media(stream, EARLIEST);
                OutputStream out = new BufferedOutputStream(Files.newOutputStream(merged))) {
            OutputSegmentMerger merger = OutputSegmentMerger.createDefault(out);
            StreamingMkvReader.createDefault(new InputStreamParserByteSource(in)).apply(merger);
            Out.line("segments", merger.getSegmentsCount(), "clusters", merger.getClustersCount(),
                    "blocks", merger.getSimpleBlocksCount());
        }
    }

    private static void pipe(String stream, Path piped) throws Exception {
        Path part = piped.resolveSibling("part");
        ProcessBuilder writer = new ProcessBuilder("sh", "-c", "cat >\"$0\" && mv \"$0\" \"$1\"", part.toString(), piped.toString());
        int[] fragments = {0};
        try (MergedOutputPiper piper = new MergedOutputPiper(writer); InputStream in = V1.media(stream, EARLIEST)) {
            piper.process(in, fragment -> fragments[0]++);
            while (!Files.exists(piped)) { // close ends the program, done or not
                Thread.sleep(10);
            }
            Out.line("segments", piper.getMergedSegments(), "fragments", fragments[0]);
        }
    }
}
