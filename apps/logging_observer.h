#pragma once

#include <spdlog/spdlog.h>

#include <string>

#include "selfcure/engine/trainer.h"

namespace selfcure::apps {

/// Passes on what is noticed about the data.
class LoggingObserver : public TrainingObserver {
 public:
  enum class Level { kWarnings, kNotes };
  explicit LoggingObserver(Level level) : level_(level) {}

  void note(const std::string& message) override {
    if (level_ == Level::kNotes) spdlog::info(message);
  }
  void warning(const std::string& message) override { spdlog::warn(message); }

 private:
  Level level_;
};

}  // namespace selfcure::apps
