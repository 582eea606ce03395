#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <mutex>
#include <sstream>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "selfcure/data/demo_faces.h"

namespace selfcure {

/// Says which set is being drawn, so that the same call goes on after an interruption.
inline constexpr const char* kUnfinishedDemoName = "demo_data.unfinished";

/// @throws DataError if an option is out of range
void check_demo_options(const DemoDataOptions& options);

/// Numbers as C writes them, whatever the user's language.
std::ostringstream plain_stream();

void write_file(const std::filesystem::path& path, const char* bytes, std::size_t count);
void write_by_rename(const std::filesystem::path& path, const std::string& text);
void make_folder(const std::filesystem::path& folder);

/// Whether the root holds the wanted set already; throws if it holds anything else.
/// @param description  content of its demo_data.json
bool holds_demo_set(const std::filesystem::path& root, const std::string& description);

/// First line of demo_truth.csv, and the row of one face.
std::string demo_truth_header();
void append_truth(std::ostringstream& out, const std::string& file, const DemoTruth& truth);

/// Runs work(0..count-1) on some threads, this one among them. The first exception stops all of
/// them and is thrown here.
class DemoCrew {
 public:
  DemoCrew(std::int64_t count, DemoProgress progress)
      : count_(count), progress_(std::move(progress)) {}

  template <typename Work>
  void run(int threads, const Work& work) {
    const auto loop = [this, &work] {
      try {
        for (std::int64_t i = next_++; i < count_ && !stopped_; i = next_++) {
          work(i);
          const std::lock_guard<std::mutex> lock(mutex_);
          ++done_;
          if (progress_ && !stopped_) progress_(done_, count_);
        }
      } catch (...) {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (!failure_) failure_ = std::current_exception();
        stopped_ = true;
      }
    };
    std::vector<std::thread> helpers;
    try {
      for (int i = 1; i < threads && i < count_; ++i) helpers.emplace_back(loop);
    } catch (const std::system_error&) {
      // Fewer threads than wished draw the same set, only later.
    }
    loop();
    for (std::thread& helper : helpers) helper.join();
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  std::int64_t count_;
  DemoProgress progress_;
  std::mutex mutex_;
  std::int64_t done_ = 0;
  std::exception_ptr failure_;
  std::atomic<std::int64_t> next_{0};
  std::atomic<bool> stopped_{false};
};

}  // namespace selfcure
