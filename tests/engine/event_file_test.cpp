#include "selfcure/engine/event_file.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

std::string hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte / 16];
    text += kDigits[byte % 16];
  }
  return text;
}

std::string hex_of_hyperparameter(const std::string& name, const HyperParameter& value) {
  Summary summary;
  summary.hyperparameters({{name, value}}, 2);
  return hex(summary.message());
}

TEST(EventFile, ChecksumsAreThoseOfTheStandard) {
  std::string ascending, descending;
  for (char c = 0; c < 32; ++c) {
    ascending += c;
    descending += static_cast<char>(31 - c);
  }
  // RFC 3720, appendix B.4, and the check value of the CRC catalogue.
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43U);
  EXPECT_EQ(crc32c(ascending), 0x46dd794eU);
  EXPECT_EQ(crc32c(descending), 0x113fdb5cU);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
  EXPECT_EQ(crc32c(""), 0U);
}

// The bytes that TensorBoard 2.21's own definitions give: its protocol files compiled by protoc
// 3.21, its masked_crc32c() of tensorflow_stub.
TEST(EventFile, MessagesAreThoseOfTensorBoardsDefinitions) {
  EXPECT_EQ(hex(tf_record("abc")), "0300000000000000b099490e6162636e57f121");
  EXPECT_EQ(hex(version_event(1.5)),
            "09000000000000f83f1a0d627261696e2e4576656e743a32520a0a0873656c6663757265");
  EXPECT_EQ(hex(restart_event(1.5, 3)), "09000000000000f83f10033a020801");

  Summary scalars;
  scalars.scalar("loss/a", 0.1);
  scalars.scalar("lr", -2);
  EXPECT_EQ(hex(summary_event(1.5, 300, scalars)),
            "09000000000000f83f10ac022a1a0a0d0a066c6f73732f6115cdcccc3d0a090a026c7215000000c0");

  Summary histogram;
  histogram.histogram("h", {0.25, 0.75, 1.5, 0.875, {0.5, 1}, {1, 2}});
  EXPECT_EQ(hex(histogram.message()),
            "0a560a01682a5109000000000000d03f11000000000000e83f190000000000000840"
            "21000000000000f83f29000000000000ec3f3210000000000000e03f000000000000f03f"
            "3a10000000000000f03f0000000000000040");

  Summary image;
  image.image("i", 200, 2, "\x89P");
  EXPECT_EQ(hex(image.message()), "0a100a0169220b080210c801180322028950");

  Summary text;
  text.text("t", "hi");
  EXPECT_EQ(hex(text.message()), "0a170a0174420808071200420268694a080a060a0474657874");
}

TEST(EventFile, HyperparametersAreThoseOfTensorBoardsDefinitions) {
  const std::string tag_and_tensor =
      "0a1c5f68706172616d735f2f73657373696f6e5f73746172745f696e666f420e08011204120208012a040000000"
      "0";
  EXPECT_EQ(hex_of_hyperparameter("b", true),
            "0a51" + tag_and_tensor +
                "4a210a1f0a0768706172616d7312141a120a070a016212022001290000000000000040");
  EXPECT_EQ(hex_of_hyperparameter("n", 0.5),
            "0a58" + tag_and_tensor +
                "4a280a260a0768706172616d73121b1a190a0e0a016e120911000000000000e03f"
                "290000000000000040");
  EXPECT_EQ(hex_of_hyperparameter("s", std::string("x")),
            "0a52" + tag_and_tensor +
                "4a220a200a0768706172616d7312151a130a080a017312031a0178290000000000000040");
}

TEST(EventFile, ReadsRecordsUpToTheFirstThatIsCutShortOrDamaged) {
  const std::string first = tf_record("abc");
  const std::string file = first + tf_record("") + tf_record("defg");
  const std::vector<std::string_view> all = tf_records(file);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0], "abc");
  EXPECT_EQ(all[1], "");
  EXPECT_EQ(all[2], "defg");
  for (std::size_t length = 0; length < file.size(); ++length) {
    const std::size_t whole = (length >= first.size()) + (length >= first.size() + 16);
    EXPECT_EQ(tf_records(std::string_view(file).substr(0, length)).size(), whole) << length;
  }
  for (std::size_t i = 0; i < file.size(); ++i) {
    std::string damaged = file;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    const std::size_t whole = (i >= first.size()) + (i >= first.size() + 16);
    EXPECT_EQ(tf_records(damaged).size(), whole) << i;
  }
}

TEST(EventFile, TellsWhatAnEventIs) {
  Summary scalar;
  scalar.scalar("a", 1);
  const std::string event = summary_event(1.5, 70000, scalar);
  const auto head = read_event_head(event);
  ASSERT_TRUE(head.has_value());
  EXPECT_EQ(head->step, 70000);
  EXPECT_EQ(head->summary, scalar.message());
  EXPECT_TRUE(head->has_scalars);
  EXPECT_FALSE(head->is_restart);

  Summary picture;
  picture.image("i", 1, 1, "x");
  const std::string picture_event = summary_event(1.5, 1, picture);
  EXPECT_FALSE(read_event_head(picture_event)->has_scalars);
  EXPECT_TRUE(read_event_head(restart_event(1.5, 0))->is_restart);
  EXPECT_TRUE(read_event_head(version_event(1.5))->summary.empty());
  // Field 1, a double, of which the last byte is missing.
  EXPECT_FALSE(read_event_head(std::string_view(event).substr(0, 8)).has_value());
}

TEST(EventFile, AHistogramHasACountPerInterval) {
  Summary summary;
  EXPECT_THROW(summary.histogram("h", {0, 1, 0, 0, {0.5, 1}, {1}}), ShapeError);
}

}  // namespace
}  // namespace selfcure
