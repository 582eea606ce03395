#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace selfcure {

// The files that TensorBoard reads: TFRecords that hold protobuf messages of type Event.
//
// The dozen fields that are used are encoded here rather than by code that protoc makes of
// TensorBoard's event.proto: that file imports summary.proto, tensor.proto and what they import, a
// build would need protoc of the same version as the library, and the format of these fields cannot
// change without making every event file of the last ten years unreadable.
// Source: tensorboard/compat/proto/{event,summary,histogram,tensor}.proto, protobuf's encoding
// guide.

/// CRC-32C (Castagnoli polynomial, reflected), by a table. Source: RFC 3720, section 12.1.
std::uint32_t crc32c(std::string_view data);

/// One record: length (8 bytes, little endian), masked CRC-32C of the length, data, masked CRC-32C
/// of the data. Masked: rotated right by 15 bits plus 0xa282ead8.
std::string tf_record(std::string_view data);

/// The data of each record, up to the first that is cut short or damaged.
/// @param file  what a file holds; the result points into it
std::vector<std::string_view> tf_records(std::string_view file);

/// Counts over adjoining intervals, and exact sums of what was counted.
struct EventHistogram {
  double min = 0;
  double max = 0;
  double sum = 0;
  double sum_squares = 0;
  /// Upper end of each interval, ascending.
  std::vector<double> limits;
  /// As many as limits.
  std::vector<double> counts;
};

/// Value of a hyperparameter.
using HyperParameter = std::variant<bool, double, std::string>;

/// What is logged for one step: values under tags. A tag must keep its kind for the whole run.
class Summary {
 public:
  /// Rounded to float32, as TensorBoard does.
  void scalar(const std::string& tag, double value);
  void histogram(const std::string& tag, const EventHistogram& histogram);
  /// @param png  an encoded picture of that many pixels
  void image(const std::string& tag, int width, int height, std::string_view png);
  void text(const std::string& tag, std::string_view markdown);
  /// A row of TensorBoard's HParams table; its metrics are the scalars of the run.
  void hyperparameters(const std::vector<std::pair<std::string, HyperParameter>>& values,
                       double start_time);

  bool empty() const { return message_.empty(); }
  /// As a Summary message.
  const std::string& message() const { return message_; }

 private:
  void add(const std::string& tag, std::string_view fields);
  std::string message_;
};

// Event messages. Wall times are seconds since 1970.

/// The first event of each file.
std::string version_event(double wall_time);
/// Tells readers to forget every event of this step and of later ones that they read before.
std::string restart_event(double wall_time, std::int64_t step);
std::string summary_event(double wall_time, std::int64_t step, const Summary& summary);

/// What a resume wants to know of an event.
struct EventHead {
  std::int64_t step = 0;
  /// The Summary message in it, empty if there is none; points into the event.
  std::string_view summary;
  /// Is its first value a scalar?
  bool has_scalars = false;
  /// Is it a restart_event()?
  bool is_restart = false;
};

/// @return nothing if it is not a message
std::optional<EventHead> read_event_head(std::string_view event);

}  // namespace selfcure
