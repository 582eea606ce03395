#include "selfcure/data/image_decoder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <opencv2/videoio.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"
#include "support/image_sets.h"
#include "support/temporary_directory.h"

namespace selfcure {
namespace {

using testing::TemporaryDirectory;
using testing::write_file;
using Colour = std::array<int, 3>;
using Bytes = std::vector<std::uint8_t>;

// Written by Pillow 9.4: one bit per pixel, colours (10, 20, 30) and (200, 150, 100).
constexpr std::string_view kPalettePng(
    "\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52\x00\x00\x00\x02\x00\x00"
    "\x00\x01\x01\x03\x00\x00\x00\xce\xec\xed\xc9\x00\x00\x00\x06\x50\x4c\x54\x45\x0a\x14\x1e"
    "\xc8\x96\x64\xd3\x22\xc4\x62\x00\x00\x00\x0a\x49\x44\x41\x54\x78\xda\x63\x70\x00\x00\x00"
    "\x42\x00\x41\x84\xbf\x8e\x62\x00\x00\x00\x00\x49\x45\x4e\x44\xae\x42\x60\x82",
    85);
// Written by Pillow 9.4: 8 x 8 of C 200, M 40, Y 80, K 30; it reads them as RGB (49, 190, 154).
constexpr std::string_view kCmykJpeg(
    "\xff\xd8\xff\xee\x00\x0e\x41\x64\x6f\x62\x65\x00\x64\x00\x00\x00\x00\x00\xff\xdb\x00\x43"
    "\x00\x08\x06\x06\x07\x06\x05\x08\x07\x07\x07\x09\x09\x08\x0a\x0c\x14\x0d\x0c\x0b\x0b\x0c"
    "\x19\x12\x13\x0f\x14\x1d\x1a\x1f\x1e\x1d\x1a\x1c\x1c\x20\x24\x2e\x27\x20\x22\x2c\x23\x1c"
    "\x1c\x28\x37\x29\x2c\x30\x31\x34\x34\x34\x1f\x27\x39\x3d\x38\x32\x3c\x2e\x33\x34\x32\xff"
    "\xc0\x00\x14\x08\x00\x08\x00\x08\x04\x43\x11\x00\x4d\x11\x00\x59\x11\x00\x4b\x11\x00\xff"
    "\xc4\x00\x15\x00\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07\x06"
    "\xff\xc4\x00\x14\x10\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\xff\xda\x00\x0e\x04\x43\x00\x4d\x00\x59\x00\x4b\x00\x00\x3f\x00\x36\x2b\xab\xcc\x2f\xff"
    "\xd9",
    177);
// Written by Pillow 9.4: 5 x 3 of (1, 2, 3), lossless and lossy.
constexpr std::string_view kLosslessWebp(
    "\x52\x49\x46\x46\x20\x00\x00\x00\x57\x45\x42\x50\x56\x50\x38\x4c\x14\x00\x00\x00\x2f\x04"
    "\x80\x00\x00\x07\x50\x81\x54\x08\x20\x00\x0a\x9a\xfe\xc7\x88\x88\xfe\x07",
    40);
constexpr std::string_view kLossyWebp(
    "\x52\x49\x46\x46\x24\x00\x00\x00\x57\x45\x42\x50\x56\x50\x38\x20\x18\x00\x00\x00\x30\x01"
    "\x00\x9d\x01\x2a\x05\x00\x03\x00\x01\x40\x26\x25\xa4\x00\x03\x70\x00\xfe\xfd\x20\x50\x00",
    44);

Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

/// A big-endian number of four bytes.
std::string number(std::uint32_t value) {
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(value >> shift & 0xFF);
  return text;
}

/// All that is looked at before a PNG is decoded: the header and the end.
std::string png_header(std::uint32_t width, std::uint32_t height) {
  return std::string("\x89PNG\r\n\x1A\n", 8) + number(13) + "IHDR" + number(width) +
         number(height) + std::string("\x08\x02\x00\x00\x00....", 9) + number(0) +
         "IEND\xAE\x42\x60\x82";
}

class ImageDecoder : public ::testing::Test {
 protected:
  std::filesystem::path at(const std::string& name) const { return folder_.path() / name; }

  void write(const std::string& name, const cv::Mat& image) {
    ASSERT_TRUE(cv::imwrite(at(name).string(), image));
  }

  /// Encodes without a file, so that formats can be looked at as bytes.
  static Bytes encoded(const std::string& extension, const cv::Mat& image) {
    Bytes bytes;
    EXPECT_TRUE(cv::imencode(extension, image, bytes));
    return bytes;
  }

  Picture decode(const std::string& name, int side = 1024, const FaceBox& box = {}) const {
    return decode_image(at(name), box, side);
  }

  std::string error(const std::string& name, const FaceBox& box = {}) const {
    try {
      (void)decode(name, 16, box);
    } catch (const DataError& error) {
      return error.what();
    }
    return "no DataError";
  }

  TemporaryDirectory folder_;
};

/// Red, green, blue.
Colour colour_at(const Picture& picture, int x, int y) {
  const auto channels = static_cast<std::size_t>(picture.channels);
  const std::size_t at =
      channels * (static_cast<std::size_t>(y) * static_cast<std::size_t>(picture.width) +
                  static_cast<std::size_t>(x));
  if (channels == 1) return {picture.pixels[at], picture.pixels[at], picture.pixels[at]};
  return {picture.pixels[at + 2], picture.pixels[at + 1], picture.pixels[at]};
}

/// Colours that change slowly, as JPEG likes them; each pixel another one.
cv::Mat slopes(int width, int height) {
  cv::Mat image(height, width, CV_8UC3);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      image.at<cv::Vec3b>(y, x) = cv::Vec3b(
          static_cast<std::uint8_t>(255 * x / width), static_cast<std::uint8_t>(255 * y / height),
          static_cast<std::uint8_t>(255 * (x + y) / (width + height)));
  return image;
}

double mean_difference(const Picture& a, const Picture& b) {
  EXPECT_EQ(a.pixels.size(), b.pixels.size());
  double sum = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) sum += std::abs(a.pixels[i] - b.pixels[i]);
  return sum / static_cast<double>(a.pixels.size());
}

TEST_F(ImageDecoder, HeadersTellTheSizeOfEveryFormat) {
  const cv::Mat image = testing::picture(1, 40)(cv::Rect(0, 0, 37, 21));
  for (const char* const extension : {".png", ".jpg", ".bmp", ".tiff", ".webp", ".ppm"}) {
    const std::optional<ImageSize> size = image_size_in_header(encoded(extension, image));
    ASSERT_TRUE(size.has_value()) << extension;
    EXPECT_EQ(size->width, 37) << extension;
    EXPECT_EQ(size->height, 21) << extension;
  }
  for (const std::string_view webp : {kLosslessWebp, kLossyWebp}) {
    const std::optional<ImageSize> size = image_size_in_header(bytes_of(webp));
    ASSERT_TRUE(size.has_value());
    EXPECT_EQ(size->width, 5);
    EXPECT_EQ(size->height, 3);
  }
  const std::optional<ImageSize> commented =
      image_size_in_header(bytes_of("P5 # a comment\n# another 9\n 12\t7\n255\n"));
  ASSERT_TRUE(commented.has_value());
  EXPECT_EQ(commented->width, 12);
  EXPECT_EQ(commented->height, 7);
}

TEST_F(ImageDecoder, HeadersThatAreCutOrChangedNeverReadBeyondTheFile) {
  const cv::Mat image = testing::picture(1, 9);
  for (const char* const extension : {".png", ".jpg", ".bmp", ".tiff", ".webp", ".ppm"}) {
    const Bytes whole = encoded(extension, image);
    for (std::size_t size = 0; size < std::min<std::size_t>(whole.size(), 400); ++size)
      (void)image_size_in_header(
          {whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)});
    for (std::size_t at = 0; at < std::min<std::size_t>(whole.size(), 400); ++at) {
      for (const int value : {0x00, 0x7F, 0xFF}) {
        Bytes changed = whole;
        changed[at] = static_cast<std::uint8_t>(value);
        (void)image_size_in_header(changed);
      }
    }
  }
}

TEST_F(ImageDecoder, KeepsSmallImagesAndReducesLargeOnes) {
  write("a.png", slopes(30, 20));
  const Picture small = decode("a.png", 30);
  EXPECT_EQ(small.width, 30);
  EXPECT_EQ(small.height, 20);
  EXPECT_EQ(small.channels, 3);
  const Picture large = decode("a.png", 10);
  EXPECT_EQ(large.width, 10);
  EXPECT_EQ(large.height, 10);
}

TEST_F(ImageDecoder, ABoxCutsTheSamePixelsOutOfTheWhole) {
  const cv::Mat image = testing::picture(3, 20);
  write("a.png", image);
  const Picture part = decode("a.png", 100, {5, 7, 6, 4});
  ASSERT_EQ(part.width, 6);
  ASSERT_EQ(part.height, 4);
  for (int y = 0; y < 4; ++y)
    for (int x = 0; x < 6; ++x) {
      const cv::Vec3b expected = image.at<cv::Vec3b>(7 + y, 5 + x);
      EXPECT_EQ(colour_at(part, x, y), (Colour{expected[2], expected[1], expected[0]}));
    }
}

TEST_F(ImageDecoder, ABoxIsClippedToTheImage) {
  const cv::Mat image = testing::picture(3, 20);
  write("a.png", image);
  const Picture corner = decode("a.png", 100, {-5, 15, 12, 100});
  EXPECT_EQ(corner.width, 7);
  EXPECT_EQ(corner.height, 5);
  const cv::Vec3b expected = image.at<cv::Vec3b>(15, 0);
  EXPECT_EQ(colour_at(corner, 0, 0), (Colour{expected[2], expected[1], expected[0]}));
  constexpr std::int32_t kMost = 2147483647;
  EXPECT_EQ(decode("a.png", 100, {19, 19, kMost, kMost}).width, 1)
      << "an overflow would have lost the pixel";
}

TEST_F(ImageDecoder, NamesABoxThatMissesTheImage) {
  write("a.png", testing::picture(3, 20));
  EXPECT_EQ(error("a.png", {20, 0, 5, 6}),
            at("a.png").string() +
                ": expected a face box within the image of 20 x 20 pixels, got one at (20, 0) of "
                "5 x 6");
  EXPECT_NE(error("a.png", {0, -6, 5, 6}), "no DataError");
  EXPECT_EQ(error("a.png", {0, -5, 5, 6}), "no DataError");
}

TEST_F(ImageDecoder, AReducedJpegLooksLikeTheWholeOneShrunk) {
  for (const int factor : {2, 4, 8}) {
    const int side = 40;
    write("a.jpg", slopes(factor * side + 3, factor * side + 7));
    write("a.png", cv::imread(at("a.jpg").string()));
    EXPECT_LT(mean_difference(decode("a.jpg", side), decode("a.png", side)), 1.5) << factor;
  }
}

TEST_F(ImageDecoder, AJpegIsReducedWhereItCoversTheTargetOnly) {
  write("a.jpg", testing::picture(1, 64));
  write("a.png", cv::imread(at("a.jpg").string()));
  EXPECT_EQ(decode("a.jpg", 33).pixels, decode("a.png", 33).pixels);
  EXPECT_NE(decode("a.jpg", 32).pixels, decode("a.png", 32).pixels);
  // Of a part of the image, the part counts.
  EXPECT_EQ(decode("a.jpg", 32, {0, 0, 64, 63}).pixels, decode("a.png", 32, {0, 0, 64, 63}).pixels);
}

TEST_F(ImageDecoder, ABoxOfAReducedJpegIsTheSamePartOfIt) {
  write("a.jpg", slopes(400, 300));
  write("a.png", cv::imread(at("a.jpg").string()));
  for (const FaceBox& box : {FaceBox{101, 53, 163, 161}, FaceBox{-20, -20, 300, 300},
                             FaceBox{250, 150, 999, 999}, FaceBox{0, 0, 320, 161}}) {
    const Picture reduced = decode("a.jpg", 40, box);
    const Picture whole = decode("a.png", 40, box);
    EXPECT_EQ(reduced.width, 40);
    EXPECT_LT(mean_difference(reduced, whole), 2.0) << box.x;
  }
}

TEST_F(ImageDecoder, SixteenBitsAreCutToTheirUpperEight) {
  const cv::Mat deep(3, 3, CV_16UC3, cv::Scalar(0x10FF, 0x8000, 0xFE01));
  write("deep.png", deep);
  EXPECT_EQ(colour_at(decode("deep.png"), 1, 1), (Colour{0xFE, 0x80, 0x10}));
  const cv::Mat grey(3, 3, CV_16UC1, cv::Scalar(0x42FF));
  write("grey.png", grey);
  EXPECT_EQ(colour_at(decode("grey.png"), 1, 1), (Colour{0x42, 0x42, 0x42}));
}

TEST_F(ImageDecoder, GreyImagesHaveOneChannelWhereverTheyComeFrom) {
  const cv::Mat grey(5, 5, CV_8UC1, cv::Scalar(77));
  write("grey.png", grey);
  write("grey.jpg", grey);
  cv::Mat three;
  cv::cvtColor(grey, three, cv::COLOR_GRAY2BGR);
  write("three.png", three);
  for (const char* const name : {"grey.png", "grey.jpg", "three.png"}) {
    const Picture picture = decode(name);
    EXPECT_EQ(picture.channels, 1) << name;
    EXPECT_EQ(picture.pixels.size(), 25U) << name;
    EXPECT_NEAR(picture.pixels[12], 77, 1) << name;
  }
}

TEST_F(ImageDecoder, TransparencyIsIgnored) {
  cv::Mat image(2, 2, CV_8UC4, cv::Scalar(30, 20, 10, 0));
  write("clear.png", image);
  EXPECT_EQ(colour_at(decode("clear.png"), 0, 0), (Colour{10, 20, 30}));
}

TEST_F(ImageDecoder, PalettesBecomeColours) {
  write_file(at("palette.png"), kPalettePng);
  const Picture picture = decode("palette.png");
  EXPECT_EQ(colour_at(picture, 0, 0), (Colour{10, 20, 30}));
  EXPECT_EQ(colour_at(picture, 1, 0), (Colour{200, 150, 100}));
}

TEST_F(ImageDecoder, CmykBecomesColoursAsPillowMakesThem) {
  write_file(at("cmyk.jpg"), kCmykJpeg);
  const Colour colour = colour_at(decode("cmyk.jpg"), 3, 3);
  const Colour expected = {49, 190, 154};
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(colour[i], expected[i], 2) << i;
}

TEST_F(ImageDecoder, WebpIsRead) {
  write_file(at("a.webp"), kLosslessWebp);
  EXPECT_EQ(colour_at(decode("a.webp"), 4, 2), (Colour{1, 2, 3}));
}

TEST_F(ImageDecoder, AnExifOrientationIsIgnored) {
  write("plain.jpg", slopes(32, 16));
  const std::string plain = read_file(at("plain.jpg"));
  // One entry: tag 0x0112 (orientation), a short, 6 (turned by 90 degrees).
  const std::string exif = std::string("Exif\0\0MM\0*\0\0\0\x08\0\x01", 16) +
                           std::string("\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0", 16);
  const std::string segment =
      std::string("\xFF\xE1\x00", 3) + static_cast<char>(exif.size() + 2) + exif;
  write_file(at("turned.jpg"), plain.substr(0, 2) + segment + plain.substr(2));
  ASSERT_EQ(cv::imread(at("turned.jpg").string()).cols, 16) << "OpenCV sees the orientation";
  const Picture turned = decode("turned.jpg");
  EXPECT_EQ(turned.width, 32);
  EXPECT_EQ(turned.pixels, decode("plain.jpg").pixels);
}

TEST_F(ImageDecoder, OnePixelIsAnImage) {
  const cv::Mat one(1, 1, CV_8UC3, cv::Scalar(3, 2, 1));
  write("one.png", one);
  EXPECT_EQ(colour_at(decode("one.png"), 0, 0), (Colour{1, 2, 3}));
  Bytes pixels(3 * 4 * 4);
  fill_rgb(decode("one.png").view(), 4, pixels.data());
  EXPECT_EQ(pixels[45], 1);
  EXPECT_EQ(pixels[47], 3);
}

TEST_F(ImageDecoder, RefusesTooManyPixelsBeforeItDecodesThem) {
  write_file(at("huge.png"), png_header(20000, 20000));
  EXPECT_EQ(error("huge.png"), at("huge.png").string() +
                                   ": expected an image of at most 100000000 pixels, got "
                                   "20000 x 20000");
  write_file(at("huge.png"), png_header(0x7FFFFFFF, 0x7FFFFFFF));
  EXPECT_EQ(error("huge.png"), at("huge.png").string() +
                                   ": expected an image of at most 100000000 pixels, got "
                                   "2147483647 x 2147483647");
  write_file(at("huge.ppm"), "P6 99999999999999999999 1 255\n");
  EXPECT_NE(error("huge.ppm").find("expected an image of at most"), std::string::npos);
  write_file(at("long.png"), png_header(10000, 10000));  // as many as may be
  EXPECT_EQ(error("long.png").find("expected an image of at most"), std::string::npos);
}

TEST_F(ImageDecoder, ALongThinImageIsRead) {
  const cv::Mat thin(1, 20000, CV_8UC3, cv::Scalar(3, 2, 1));
  write("thin.png", thin);
  const Picture picture = decode("thin.png", 16);
  EXPECT_EQ(picture.width, 16);
  EXPECT_EQ(colour_at(picture, 15, 15), (Colour{1, 2, 3}));
}

TEST_F(ImageDecoder, NamesWhatIsNoImage) {
  EXPECT_EQ(error("absent.png"),
            at("absent.png").string() + ": expected an image, got: No such file or directory");
  std::filesystem::create_directory(at("folder.png"));
  EXPECT_EQ(error("folder.png"),
            at("folder.png").string() + ": expected an image, got not a regular file");
  ASSERT_EQ(mkfifo(at("pipe.png").c_str(), 0600), 0);
  EXPECT_EQ(error("pipe.png"),
            at("pipe.png").string() + ": expected an image, got not a regular file");
  write_file(at("text.png"), "this is no picture");
  EXPECT_EQ(error("text.png"),
            at("text.png").string() + ": expected an image, got 18 bytes that no decoder reads");
  write_file(at("zero.png"), png_header(0, 5));
  EXPECT_NE(error("zero.png").find("bytes that no decoder reads"), std::string::npos);
  write_file(at("hollow.png"), png_header(5, 5));
  EXPECT_NE(error("hollow.png").find("bytes that no decoder reads"), std::string::npos);
}

TEST(FramePosition, FramesLieInTheMiddleOfEqualShares) {
  const auto positions = [](int frames, std::int64_t count) {
    std::vector<std::int64_t> list;
    for (int i = 0; i < frames; ++i) list.push_back(frame_position(i, frames, count));
    return list;
  };
  EXPECT_EQ(positions(4, 100), (std::vector<std::int64_t>{12, 37, 62, 87}));
  EXPECT_EQ(positions(1, 9), (std::vector<std::int64_t>{4}));
  EXPECT_EQ(positions(5, 5), (std::vector<std::int64_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(positions(4, 2), (std::vector<std::int64_t>{0, 0, 1, 1}));
}

/// Videos whose frame i is one grey of 10 i + 20.
class VideoFrames : public ImageDecoder {
 protected:
  void write_video(const std::string& name, int frames, int side = 32) {
    cv::VideoWriter writer(at(name).string(), cv::VideoWriter::fourcc('M', 'J', 'P', 'G'), 10,
                           cv::Size(side, side));
    ASSERT_TRUE(writer.isOpened());
    for (int i = 0; i < frames; ++i)
      writer.write(cv::Mat(side, side, CV_8UC3, cv::Scalar::all(10 * i + 20)));
  }

  std::vector<int> greys(const std::string& name, const std::vector<FrameCut>& cuts,
                         int frames_per_video, int side = 32) const {
    std::vector<int> values;
    for (const Picture& picture : decode_frames(at(name), cuts, frames_per_video, side))
      values.push_back((colour_at(picture, 0, 0)[1] - 20 + 5) / 10);
    return values;
  }

  std::string video_error(const std::string& name, const std::vector<FrameCut>& cuts) const {
    try {
      (void)decode_frames(at(name), cuts, 4, 16);
    } catch (const DataError& error) {
      return error.what();
    }
    return "no DataError";
  }
};

TEST_F(VideoFrames, AreTheEvenlySpacedOnes) {
  write_video("a.avi", 20);
  EXPECT_EQ(greys("a.avi", {{0}, {1}, {2}, {3}}, 4), (std::vector<int>{2, 7, 12, 17}));
}

TEST_F(VideoFrames, AreTheSameAloneInAnyOrderAndTogether) {
  write_video("a.avi", 20);
  for (int frame = 0; frame < 4; ++frame)
    EXPECT_EQ(greys("a.avi", {{frame}}, 4), (std::vector<int>{2 + 5 * frame}));
  EXPECT_EQ(greys("a.avi", {{3}, {0}, {3}}, 4), (std::vector<int>{17, 2, 17}));
}

TEST_F(VideoFrames, AreRepeatedWhereThereAreFewerThanAreTaken) {
  write_video("a.avi", 2);
  EXPECT_EQ(greys("a.avi", {{0}, {1}, {2}, {3}}, 4), (std::vector<int>{0, 0, 1, 1}));
}

// The number that the container states is an estimate: the frames that are there count.
// The number that the container states is an estimate: the frames that are there count.
TEST_F(VideoFrames, AreCountedWhenTheVideoIsCutShort) {
  write_video("a.avi", 20);
  const std::string whole = read_file(at("a.avi"));
  const std::size_t frame = whole.find("00dc", whole.find("movi"));
  ASSERT_NE(frame, std::string::npos);
  std::size_t end = frame;
  for (int i = 0; i < 8; ++i) end = whole.find("00dc", end + 4);
  write_file(at("cut.avi"), whole.substr(0, end));  // eight frames are left
  EXPECT_EQ(greys("cut.avi", {{0}, {1}, {2}, {3}}, 4), (std::vector<int>{1, 3, 5, 7}));
}

TEST_F(VideoFrames, AreCutAndReducedAsImagesAre) {
  write_video("a.avi", 8, 64);
  const std::vector<Picture> pictures =
      decode_frames(at("a.avi"), {{0, {10, 10, 20, 8}}, {1, {}}}, 4, 32);
  EXPECT_EQ(pictures[0].width, 20);
  EXPECT_EQ(pictures[0].height, 8);
  EXPECT_EQ(pictures[1].width, 32);
}

TEST_F(VideoFrames, NamesWhatIsNoVideo) {
  EXPECT_EQ(video_error("absent.mp4", {{0}}),
            at("absent.mp4").string() + ": expected a video, got nothing there");
  std::filesystem::create_directory(at("folder.mp4"));
  EXPECT_EQ(video_error("folder.mp4", {{0}}),
            at("folder.mp4").string() + ": expected a video, got not a regular file");
  write_file(at("text.mp4"), "this is no video");
  EXPECT_EQ(video_error("text.mp4", {{0}}),
            at("text.mp4").string() + ": expected a video, got a file that no decoder reads");
  write_video("a.avi", 4);
  EXPECT_EQ(video_error("a.avi", {{0, {40, 0, 5, 5}}}),
            at("a.avi").string() +
                ": expected a face box within the image of 32 x 32 pixels, got one at (40, 0) of "
                "5 x 5");
}

TEST(RowsByFile, FramesOfAVideoBelongTogetherAndPicturesDoNot) {
  Manifest manifest;
  manifest.frames_per_video = 2;
  for (const auto& [image, frame] : std::vector<std::pair<std::string, int>>{
           {"a.png", -1}, {"v.mp4", 0}, {"w.mp4", 0}, {"v.mp4", 1}, {"a.png", -1}}) {
    ManifestRow row;
    row.image = image;
    row.frame = frame;
    manifest.rows.push_back(row);
  }
  EXPECT_EQ(rows_by_file(manifest),
            (std::vector<std::vector<std::int64_t>>{{0}, {1, 3}, {2}, {4}}));
}

}  // namespace
}  // namespace selfcure
