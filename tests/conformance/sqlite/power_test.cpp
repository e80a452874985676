#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <random>
#include <rgrid/adapters/memory/manual_clock.hpp>
#include <rgrid/testing/builders.hpp>
#include <rgrid/testing/temp_folder.hpp>
#include <tuple>

#include "disk.hpp"
#include "raw.hpp"

namespace rgrid::sqlite {
namespace {

using testing::a_job;

/// A file on a disk: what is on the platter, and what was written since it was last synced.
struct DiskNode {
    std::string synced;
    std::vector<DiskStep> unsynced;
    bool named = false;  ///< Whether its name is on the platter.
};

void apply(std::string& content, std::int64_t at, std::string_view data, char filling) {
    auto const end = static_cast<std::size_t>(at) + data.size();
    if (content.size() < end) content.resize(end, filling);
    content.replace(static_cast<std::size_t>(at), data.size(), data);
}

/// The steps of a disk up to some moment, and what a power cut at that moment could leave of them.
class Platter {
public:
    explicit Platter(std::string database) {
        // The adapter makes the file itself, and syncs its folder.
        now_[database] = on_platter_[database] = std::make_shared<DiskNode>(DiskNode{{}, {}, true});
    }

    void apply(DiskStep const& step) {
        switch (step.action) {
            case DiskAction::make:
                now_[step.path] = std::make_shared<DiskNode>();
                break;
            case DiskAction::remove:
                now_.erase(step.path);
                break;
            case DiskAction::sync:
                sync(step.path);
                break;
            case DiskAction::write:
            case DiskAction::truncate:
                if (auto const found = now_.find(step.path); found != now_.end())
                    found->second->unsynced.push_back(step);
                break;
            case DiskAction::read:
            case DiskAction::map:
                break;
        }
    }

    /// Each sector of each unsynced write and each unsynced truncate and removal is there or not.
    [[nodiscard]] std::map<std::string, std::string> cut(std::mt19937& random) const {
        std::map<std::string, std::string> files;
        auto names = on_platter_;
        for (auto const& [path, node] : now_) names.emplace(path, node);
        for (auto const& [path, ignored] : names) {
            // A name that was made or removed since its folder was synced is there or not.
            auto const& folder = std::bernoulli_distribution{0.5}(random) ? now_ : on_platter_;
            if (auto const found = folder.find(path); found != folder.end())
                files[path] = left_of(*found->second, random);
        }
        return files;
    }

private:
    void sync(std::string const& path) {
        auto const found = now_.find(path);
        if (found == now_.end()) return;
        auto& node = *found->second;
        for (auto const& step : node.unsynced) {
            if (step.action == DiskAction::truncate)
                node.synced.resize(static_cast<std::size_t>(step.at), '\0');
            else
                sqlite::apply(node.synced, step.at, step.data, '\0');
        }
        node.unsynced.clear();
        // SQLite syncs the folder with the first sync of a file that it made.
        if (std::exchange(node.named, true)) return;
        on_platter_ = now_;
    }

    static std::string left_of(DiskNode const& node, std::mt19937& random) {
        constexpr double odds[] = {0, 0.1, 0.5, 0.9, 1};
        std::bernoulli_distribution kept{odds[std::uniform_int_distribution{0, 4}(random)]};
        char const filling = std::bernoulli_distribution{0.5}(random) ? '\0' : '\xa5';
        auto content = node.synced;
        for (auto const& step : node.unsynced) {
            if (step.action == DiskAction::truncate) {
                if (kept(random)) content.resize(static_cast<std::size_t>(step.at), filling);
                continue;
            }
            for (std::size_t begin = 0; begin < step.data.size();) {
                constexpr std::size_t sector = 512;
                auto const offset = static_cast<std::size_t>(step.at) + begin;
                auto const size = std::min(step.data.size() - begin, sector - offset % sector);
                if (kept(random))
                    sqlite::apply(content, static_cast<std::int64_t>(offset),
                                  std::string_view{step.data}.substr(begin, size), filling);
                begin += size;
            }
        }
        return content;
    }

    std::map<std::string, std::shared_ptr<DiskNode>> now_, on_platter_;
};

/// All that matters, as one text: states of all jobs, leases, leadership, intents. Each transaction changes it.
std::string content(std::string const& path) {
    return Raw{path}.text(
        "SELECT (SELECT last_at || ' ' || change FROM pulse) || ' ' || (SELECT group_concat(jobs) FROM tally) || ' ' "
        "|| "
        "(SELECT epoch || candidate FROM leader) || ' ' || (SELECT next_number FROM fleet) || ' ' || "
        "ifnull((SELECT group_concat(job || '/' || epoch) FROM (SELECT * FROM lease ORDER BY job)), '') || ' ' || "
        "ifnull((SELECT group_concat(job || '=' || state) FROM (SELECT * FROM result ORDER BY job)), '') || ' ' || "
        "ifnull((SELECT group_concat(server) FROM (SELECT * FROM intent ORDER BY server)), '') || ' ' || "
        "(SELECT count(*) || ' ' || total(length(spec)) FROM job)");
}

/// A fleet's life, in an order that a seed decides, one transaction a step, and what was acknowledged when.
class Life {
public:
    Life(std::string path, Synchronous synchronous, unsigned seed)
        : path_(std::move(path)), synchronous_(synchronous), random_(seed) {}

    /// What the store held after each step, and how many steps the disk had seen when that was acknowledged.
    struct Moment {
        std::string content;
        std::size_t steps = 0;
    };

    std::vector<Moment> run(Disk& disk, int length) {
        disk.record(true);
        std::vector<Moment> moments;
        open();
        for (int i = 0; i < length; ++i) {
            clock_.advance(1ms);
            step();
            // Read after what was acknowledged; a reader writes nothing.
            auto const steps = disk.count();
            moments.push_back({content(path_), steps});
        }
        store_.reset();
        disk.record(false);
        return moments;
    }

private:
    int pick(int below) { return std::uniform_int_distribution<int>{0, below - 1}(random_); }

    void open() {
        store_.reset();
        store_ = Store::open({.path = path_, .synchronous = synchronous_, .boot_id = "first"}, FleetId{"blue"}, clock_)
                     .value();
    }

    void step() {
        switch (pick(12)) {
            case 0:
            case 1:
            case 2:
                submit();
                break;
            case 3:
            case 4:
                claim();
                break;
            case 5:
            case 6:
                complete();
                break;
            case 7:
                lead();
                break;
            case 8:
                intend();
                break;
            case 9:
                checkpoint();
                break;
            case 10:
                pick(3) == 0 ? open() : submit();
                break;
            default:
                enlist();
        }
    }

    void submit() {
        std::vector<JobSpec> specs;
        for (int i = pick(4); i >= 0; --i)
            specs.push_back(a_job().env("A", std::string(static_cast<std::size_t>(pick(6000)), 'x')));
        store_->submit({}, specs).value();
    }

    void enlist() {
        worker_ = WorkerId{"w" + std::to_string(++workers_)};
        incarnation_ = store_->register_worker({}, {worker_, ServerName{worker_.value}, PoolName{"default"}, 4, ""})
                           .value()
                           .incarnation;
    }

    void claim() {
        if (worker_.empty()) return enlist();
        for (auto const& lease : store_->claim({}, worker_, incarnation_, BeatCount{}, 1 + pick(4)).value())
            held_.push_back({worker_, incarnation_, {lease.job, lease.epoch, Outcome::succeeded}});
    }

    void complete() {
        if (held_.empty()) return;
        auto const [worker, incarnation, completion] = held_.back();
        held_.pop_back();
        store_->complete({}, worker, incarnation, {completion}).value();
    }

    void lead() {
        clock_.advance(1s);
        epoch_ = store_->lead({}, "candidate" + std::to_string(pick(3)), 500ms).value().epoch;
    }

    void intend() {
        FleetWrite write;
        Intent intent;
        intent.server = ServerName{"s" + std::to_string(++servers_)};
        write.intents.push_back(intent);
        write.next_number = servers_ + 1;
        static_cast<void>(store_->write({}, epoch_, write));
    }

    void checkpoint() {
        constexpr char const* modes[] = {"PASSIVE", "FULL", "RESTART", "TRUNCATE"};
        Raw{path_}.run(std::string{"PRAGMA wal_checkpoint("} + modes[pick(4)] + ")");
    }

    std::string path_;
    Synchronous synchronous_;
    std::mt19937 random_;
    memory::ManualClock clock_;
    std::unique_ptr<Store> store_;
    std::vector<std::tuple<WorkerId, Incarnation, Completion>> held_;
    LeaderEpoch epoch_;
    WorkerId worker_;
    Incarnation incarnation_;
    int workers_ = 0, servers_ = 0;
};

/// Puts the files of a cut into a folder of their own; returns where the database is.
std::string lay_out(std::map<std::string, std::string> const& files, std::string const& folder) {
    std::filesystem::create_directory(folder);
    for (auto const& [path, bytes] : files)
        std::ofstream{folder + "/" + std::filesystem::path{path}.filename().string(), std::ios::binary} << bytes;
    return folder + "/rgrid.db";
}

class PowerCut : public ::testing::TestWithParam<Synchronous> {
protected:
    void live(unsigned seed, int length) {
        Disk disk;
        Life life{path, GetParam(), seed};
        moments = life.run(disk, length);
        steps = disk.steps();
    }

    /// The last moment, of the first `most`, that `image` shows when the real store opens it after a reboot. It takes
    /// one more job, and is sound.
    std::optional<std::size_t> moment_of(std::string const& image, std::size_t most) {
        memory::ManualClock clock;
        auto const store = Store::open({.path = image, .synchronous = Synchronous::normal, .boot_id = "second"},
                                       FleetId{"blue"}, clock);
        EXPECT_TRUE(store) << store.error().message;
        if (!store) return std::nullopt;
        auto const found = content(image);
        EXPECT_TRUE((*store)->submit({}, {a_job()}));
        auto const counts = (*store)->counts({}).value();
        EXPECT_EQ(counts.accepted, counts.scheduled + counts.queued + counts.running + counts.succeeded +
                                       counts.failed + counts.cancelled + counts.dead)
            << "no job is lost between two states";
        expect_sound(image);
        for (auto i = std::min(most, moments.size()); i > 0; --i)
            if (moments[i - 1].content == found) return i;
        return found == empty_ ? std::optional<std::size_t>{0} : std::nullopt;
    }

    /// How many moments had been acknowledged when the disk had done `done` steps.
    [[nodiscard]] std::size_t acknowledged(std::size_t done) const {
        return static_cast<std::size_t>(
            std::ranges::count_if(moments, [&](Life::Moment const& moment) { return moment.steps <= done; }));
    }

    testing::TempFolder folder;
    std::string const path = folder / "rgrid.db";
    std::vector<Life::Moment> moments;
    std::vector<DiskStep> steps;

private:
    static std::string empty_content() {
        testing::TempFolder place;
        memory::ManualClock clock;
        auto const store = Store::open({.path = place / "rgrid.db"}, FleetId{"blue"}, clock).value();
        return content(place / "rgrid.db");
    }

    std::string const empty_ = empty_content();
};

// A power cut leaves what was synced and any part of the rest. Whatever that is: it opens clean, nothing is half there,
// and with full durability nothing acknowledged is missing; without, what is there was the whole store at some moment.
TEST_P(PowerCut, leaves_a_whole_store) {
    for (unsigned seed = 1; seed <= 4; ++seed) {
        std::filesystem::remove(path);
        live(seed, 60);
        std::mt19937 random{seed};
        for (int round = 0; round < 60; ++round) {
            auto const done = std::uniform_int_distribution<std::size_t>{0, steps.size()}(random);
            SCOPED_TRACE("seed " + std::to_string(seed) + ", round " + std::to_string(round) + ", after " +
                         std::to_string(done) + " of " + std::to_string(steps.size()) + " steps");
            Platter platter{path};
            for (std::size_t i = 0; i < done; ++i) platter.apply(steps[i]);
            testing::TempFolder place;
            auto const known = acknowledged(done);
            auto const moment = moment_of(lay_out(platter.cut(random), place / "image"), known + 1);

            ASSERT_TRUE(moment) << "it shows no moment of the store's life";
            if (GetParam() == Synchronous::full) {
                EXPECT_GE(*moment, known) << "something acknowledged is missing";
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Sqlite, PowerCut, ::testing::Values(Synchronous::full, Synchronous::normal),
                         [](auto const& one) { return one.param == Synchronous::full ? "full" : "normal"; });

}  // namespace
}  // namespace rgrid::sqlite
