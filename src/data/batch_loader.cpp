#include "selfcure/data/batch_loader.h"

#include <chrono>
#include <system_error>
#include <utility>

#include "selfcure/data/label_draw.h"

namespace selfcure {
namespace {

/// The first visit of a row is called by the row's number, so that a plan that visits each row once
/// has the rows themselves.
std::vector<std::int64_t> visits_of(const std::vector<std::int64_t>& rows, std::size_t row_count) {
  constexpr int kRowBits = 40;
  std::vector<std::int64_t> visits;
  visits.reserve(rows.size());
  std::vector<std::int32_t> count(row_count, 0);
  for (const std::int64_t row : rows) {
    const std::int64_t before = count[static_cast<std::size_t>(row)]++;
    visits.push_back(row + (before << kRowBits));
  }
  return visits;
}

}  // namespace

BatchLoader::BatchLoader(const ImageStore& images, int workers, int prefetch)
    : images_(images), prefetch_(prefetch) {
  try {
    for (int i = 0; i < workers; ++i) workers_.emplace_back([this] { work(); });
  } catch (const std::system_error&) {
    // The system gives no more threads: the ones that it gave do the work, or the caller's own.
  }
}

BatchLoader::~BatchLoader() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  work_ready_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

/// Hands out no more work and waits for the batches being assembled.
void BatchLoader::pause(std::unique_lock<std::mutex>& lock) {
  next_to_assemble_ = batch_count_;
  batch_ready_.wait(lock, [this] { return busy_ == 0; });
}

void BatchLoader::start(SamplePlan plan, std::vector<std::int32_t> labels, std::int64_t first_batch,
                        const EpochTargets& targets) {
  {
    std::unique_lock<std::mutex> lock(mutex_);
    pause(lock);
    plan_ = std::move(plan);
    visits_ = visits_of(plan_.rows, labels.size());
    labels_ = std::move(labels);
    targets_ = targets;
    ready_.clear();
    batch_count_ = plan_.batch_count();
    next_to_assemble_ = first_batch;
    next_to_give_ = first_batch;
    wait_seconds_ = 0;
  }
  work_ready_.notify_all();
}

HostBatch BatchLoader::assemble(std::int64_t index) const {
  HostBatch batch;
  batch.index = index;
  batch.image_size = images_.image_size();
  batch.rows = plan_.batch(index);
  const auto first = visits_.begin() + index * plan_.batch_size;
  batch.visits.assign(first, first + static_cast<std::ptrdiff_t>(batch.rows.size()));
  batch.labels.reserve(batch.rows.size());
  const auto image_bytes = static_cast<std::size_t>(images_.image_bytes());
  if (has_pixels_) batch.pixels.resize(batch.rows.size() * image_bytes);
  for (std::size_t i = 0; i < batch.rows.size(); ++i) {
    if (has_pixels_) images_.fill(batch.rows[i], batch.pixels.data() + i * image_bytes);
    batch.labels.push_back(labels_[static_cast<std::size_t>(batch.rows[i])]);
  }
  if (targets_.manifest != nullptr) use_distributions(batch);
  return batch;
}

void BatchLoader::use_distributions(HostBatch& batch) const {
  const Manifest& manifest = *targets_.manifest;
  if (manifest.label_use == LabelUse::kGiven) return;
  const std::int64_t classes = manifest.class_count();
  for (std::size_t i = 0; i < batch.rows.size(); ++i) {
    const std::int64_t row = batch.rows[i];
    const float* const distribution = manifest.distributions.data() + row * classes;
    if (manifest.label_use == LabelUse::kDraw) {
      batch.labels[i] = draw_label(distribution, classes, targets_.seed, targets_.epoch,
                                   static_cast<std::uint64_t>(batch.visits[i]));
    } else {
      batch.targets.insert(batch.targets.end(), distribution, distribution + classes);
    }
  }
}

void BatchLoader::work() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    work_ready_.wait(lock, [this] {
      return stop_ ||
             (next_to_assemble_ < batch_count_ && next_to_assemble_ < next_to_give_ + prefetch_);
    });
    if (stop_) return;
    const std::int64_t index = next_to_assemble_++;
    ++busy_;
    lock.unlock();
    Slot slot;
    try {
      slot.batch = assemble(index);
    } catch (...) {
      slot.error = std::current_exception();
    }
    lock.lock();
    --busy_;
    ready_[index] = std::move(slot);
    batch_ready_.notify_all();
  }
}

bool BatchLoader::next(HostBatch& batch) {
  const auto begin = std::chrono::steady_clock::now();
  const auto count_wait = [&] {
    wait_seconds_ +=
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  if (next_to_give_ >= batch_count_) return false;
  if (workers_.empty()) {
    batch = assemble(next_to_give_++);
    count_wait();
    return true;
  }
  Slot slot;
  {
    std::unique_lock<std::mutex> lock(mutex_);
    batch_ready_.wait(lock, [this] { return ready_.count(next_to_give_) != 0; });
    auto entry = ready_.extract(next_to_give_);
    slot = std::move(entry.mapped());
    ++next_to_give_;
  }
  work_ready_.notify_all();
  count_wait();
  if (slot.error) std::rethrow_exception(slot.error);
  batch = std::move(slot.batch);
  return true;
}

}  // namespace selfcure
