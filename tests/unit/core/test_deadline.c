/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_deadline.c - the timing wheel: never early, at most a tick late, and cheap.
 */
#include "core/deadline.h"
#include "core/mem.h"
#include "tests/unit/unit.h"

/* A deadline that counts, and may do something to the wheel when it fires. */
struct alarm {
    struct deadline deadline;
    struct deadlines *wheel; /* borrowed */
    int fired_count;
    uint64_t again_ms;     /* set again to this, unless 0 */
    struct alarm *cancels; /* NULL or another */
    struct alarm *frees;   /* NULL or another, cancelled first */
    struct alarm *moves;   /* NULL or another, moved to moves_to_ms */
    uint64_t moves_to_ms;
};

static void on_alarm(struct deadline *deadline)
{
    struct alarm *alarm = DEADLINE_OWNER(deadline, struct alarm, deadline);

    assert_false(deadline_is_set(deadline));
    alarm->fired_count++;
    if (alarm->again_ms != 0)
        deadline_set(alarm->wheel, &alarm->deadline, alarm->again_ms);
    if (alarm->cancels != NULL)
        deadline_cancel(alarm->wheel, &alarm->cancels->deadline);
    if (alarm->frees != NULL) {
        deadline_cancel(alarm->wheel, &alarm->frees->deadline);
        mem_free(alarm->frees);
    }
    if (alarm->moves != NULL)
        deadline_set(alarm->wheel, &alarm->moves->deadline, alarm->moves_to_ms);
}

static void alarm_init(struct alarm *alarm, struct deadlines *wheel)
{
    *alarm = (struct alarm){.wheel = wheel};
    deadline_init(&alarm->deadline, on_alarm);
}

TEST(a_deadline_fires_once_at_its_tick_and_not_before)
{
    struct deadlines *wheel = deadlines_create(1000);
    struct alarm alarm;

    alarm_init(&alarm, wheel);
    deadline_set(wheel, &alarm.deadline, 1500);
    for (uint64_t now_ms = 1000; now_ms < 1500; now_ms++)
        deadlines_run(wheel, now_ms);
    assert_int_equal(alarm.fired_count, 0);
    deadlines_run(wheel, 1500 + DEADLINE_TICK_MS);
    deadlines_run(wheel, 3000);
    assert_int_equal(alarm.fired_count, 1);
    deadlines_destroy(wheel);
}

TEST(a_fresh_wheel_has_nothing_to_wake_for)
{
    struct deadlines *wheel = deadlines_create(77);

    assert_true(deadlines_next_ms(wheel) == DEADLINE_NEVER);
    deadlines_run(wheel, 100000);
    assert_true(deadlines_next_ms(wheel) == DEADLINE_NEVER);
    deadlines_destroy(wheel);
}

TEST(an_instant_that_has_passed_fires_on_the_next_run)
{
    struct deadlines *wheel = deadlines_create(10000);
    struct alarm alarm;

    alarm_init(&alarm, wheel);
    deadline_set(wheel, &alarm.deadline, 5);
    assert_true(deadlines_next_ms(wheel) <= 10000);
    deadlines_run(wheel, 10000);
    assert_int_equal(alarm.fired_count, 1);
    deadlines_destroy(wheel);
}

TEST(setting_itself_to_the_past_from_its_callback_does_not_run_for_ever)
{
    struct deadlines *wheel = deadlines_create(1000);
    struct alarm alarm;

    alarm_init(&alarm, wheel);
    alarm.again_ms = 1;
    deadline_set(wheel, &alarm.deadline, 1);
    deadlines_run(wheel, 1000);
    assert_int_equal(alarm.fired_count, 1);
    deadlines_run(wheel, 1000);
    assert_int_equal(alarm.fired_count, 2);
    deadline_cancel(wheel, &alarm.deadline);
    deadlines_destroy(wheel);
}

TEST(pushing_a_deadline_away_is_only_a_store_and_it_fires_at_the_later_instant)
{
    struct deadlines *wheel = deadlines_create(0);
    struct alarm alarm;
    struct list *slot;

    alarm_init(&alarm, wheel);
    deadline_set(wheel, &alarm.deadline, 1000);
    slot = alarm.deadline.link.prev;
    deadline_set(wheel, &alarm.deadline, 61000);
    assert_ptr_equal(alarm.deadline.link.prev, slot);
    for (uint64_t now_ms = 0; now_ms < 61000; now_ms += 100)
        deadlines_run(wheel, now_ms);
    assert_int_equal(alarm.fired_count, 0);
    deadlines_run(wheel, 61000);
    assert_int_equal(alarm.fired_count, 1);
    deadlines_destroy(wheel);
}

TEST(a_deadline_can_be_brought_forward)
{
    struct deadlines *wheel = deadlines_create(0);
    struct alarm alarm;

    alarm_init(&alarm, wheel);
    deadline_set(wheel, &alarm.deadline, 3600 * 1000);
    deadline_set(wheel, &alarm.deadline, 800);
    assert_true(deadlines_next_ms(wheel) <= 800);
    deadlines_run(wheel, 800);
    assert_int_equal(alarm.fired_count, 1);
    assert_true(deadlines_next_ms(wheel) == DEADLINE_NEVER);
    deadlines_destroy(wheel);
}

TEST(a_cancelled_deadline_does_not_fire_and_wakes_nobody)
{
    struct deadlines *wheel = deadlines_create(0);
    struct alarm alarm;

    alarm_init(&alarm, wheel);
    deadline_cancel(wheel, &alarm.deadline);
    deadline_set(wheel, &alarm.deadline, 5000);
    deadline_cancel(wheel, &alarm.deadline);
    assert_false(deadline_is_set(&alarm.deadline));
    assert_true(deadlines_next_ms(wheel) == DEADLINE_NEVER);
    deadline_set(wheel, &alarm.deadline, 5000);
    deadline_set(wheel, &alarm.deadline, DEADLINE_NEVER);
    assert_false(deadline_is_set(&alarm.deadline));
    deadlines_run(wheel, 10000);
    assert_int_equal(alarm.fired_count, 0);
    deadlines_destroy(wheel);
}

TEST(a_callback_may_cancel_and_free_the_next_in_the_same_slot)
{
    struct deadlines *wheel = deadlines_create(0);
    struct alarm *second = mem_new(struct alarm);
    struct alarm first, third;

    alarm_init(&first, wheel);
    alarm_init(second, wheel);
    alarm_init(&third, wheel);
    first.frees = second;
    first.cancels = &third;
    deadline_set(wheel, &first.deadline, 100);
    deadline_set(wheel, &second->deadline, 100);
    deadline_set(wheel, &third.deadline, 100);
    deadlines_run(wheel, 200);
    assert_int_equal(first.fired_count, 1);
    assert_int_equal(third.fired_count, 0);
    deadlines_destroy(wheel);
}

TEST(a_callback_may_move_another_that_is_due_in_the_same_run)
{
    struct deadlines *wheel = deadlines_create(0);
    struct alarm first, second;

    alarm_init(&first, wheel);
    alarm_init(&second, wheel);
    first.moves = &second;
    first.moves_to_ms = 900;
    deadline_set(wheel, &first.deadline, 100);
    deadline_set(wheel, &second.deadline, 100);
    deadlines_run(wheel, 200);
    assert_int_equal(first.fired_count, 1);
    assert_int_equal(second.fired_count, 0);
    deadlines_run(wheel, 900);
    assert_int_equal(second.fired_count, 0); /* 900 is no tick of 8 ms */
    deadlines_run(wheel, 904);
    assert_int_equal(second.fired_count, 1);
    deadlines_destroy(wheel);
}

TEST(a_jump_of_the_clock_over_centuries_is_cheap_and_right)
{
    const uint64_t century_ms = UINT64_C(100) * 365 * 24 * 3600 * 1000;
    struct deadlines *wheel = deadlines_create(0);
    struct alarm alarms[5];
    const uint64_t due_ms[5] = {10, 100000, 8 * century_ms, 8 * century_ms + 1, DEADLINE_NEVER - 1};

    for (size_t i = 0; i < 5; i++) {
        alarm_init(&alarms[i], wheel);
        deadline_set(wheel, &alarms[i].deadline, due_ms[i]);
    }
    deadlines_run(wheel, 8 * century_ms);
    assert_int_equal(alarms[0].fired_count, 1);
    assert_int_equal(alarms[1].fired_count, 1);
    assert_int_equal(alarms[2].fired_count, 1);
    assert_int_equal(alarms[3].fired_count, 0);
    deadlines_run(wheel, 8 * century_ms + DEADLINE_TICK_MS);
    assert_int_equal(alarms[3].fired_count, 1);
    deadlines_run(wheel, DEADLINE_NEVER - 1000);
    assert_int_equal(alarms[4].fired_count, 0);
    deadline_cancel(wheel, &alarms[4].deadline);
    deadlines_destroy(wheel);
}

TEST(a_clock_that_goes_back_fires_nothing_early)
{
    struct deadlines *wheel = deadlines_create(100000);
    struct alarm alarm;

    alarm_init(&alarm, wheel);
    deadline_set(wheel, &alarm.deadline, 101000);
    deadlines_run(wheel, 50000);
    deadlines_run(wheel, 100500);
    assert_int_equal(alarm.fired_count, 0);
    deadlines_run(wheel, 101000);
    assert_int_equal(alarm.fired_count, 1);
    deadlines_destroy(wheel);
}

/* The model: due instants in an array, looked at one by one. */
#define MODEL_COUNT 300

struct model {
    struct deadlines *wheel;
    struct alarm alarms[MODEL_COUNT];
    uint64_t due_ms[MODEL_COUNT]; /* DEADLINE_NEVER when not set */
    int expected_count[MODEL_COUNT];
    uint64_t now_ms;
    uint64_t random;
};

static uint64_t model_random(struct model *model, uint64_t bound)
{
    model->random ^= model->random << 13;
    model->random ^= model->random >> 7;
    model->random ^= model->random << 17;
    return model->random % bound;
}

/* Spans of every level of the wheel, and beyond. */
static uint64_t model_span(struct model *model)
{
    static const uint64_t spans[] = {20, 600, 40000, 3000000, 200000000, UINT64_C(30000000000)};

    return model_random(model, spans[model_random(model, 6)]);
}

static void model_change(struct model *model, size_t i)
{
    if (model_random(model, 4) == 0) {
        deadline_cancel(model->wheel, &model->alarms[i].deadline);
        model->due_ms[i] = DEADLINE_NEVER;
        return;
    }
    model->due_ms[i] = model->now_ms + model_span(model);
    if (model_random(model, 10) == 0)
        model->due_ms[i] = model->now_ms - model_random(model, 1000);
    deadline_set(model->wheel, &model->alarms[i].deadline, model->due_ms[i]);
}

static uint64_t rounded_up(uint64_t ms)
{
    return (ms + DEADLINE_TICK_MS - 1) / DEADLINE_TICK_MS * DEADLINE_TICK_MS;
}

static void model_run(struct model *model)
{
    for (size_t i = 0; i < MODEL_COUNT; i++) {
        if (model->due_ms[i] == DEADLINE_NEVER || rounded_up(model->due_ms[i]) > model->now_ms)
            continue;
        model->expected_count[i]++;
        model->due_ms[i] = DEADLINE_NEVER;
    }
    deadlines_run(model->wheel, model->now_ms);
    for (size_t i = 0; i < MODEL_COUNT; i++) {
        assert_int_equal(model->alarms[i].fired_count, model->expected_count[i]);
        assert_int_equal(deadline_is_set(&model->alarms[i].deadline),
                         model->due_ms[i] != DEADLINE_NEVER);
    }
}

static uint64_t model_next_ms(const struct model *model)
{
    uint64_t next_ms = DEADLINE_NEVER;

    for (size_t i = 0; i < MODEL_COUNT; i++)
        if (model->due_ms[i] != DEADLINE_NEVER && rounded_up(model->due_ms[i]) < next_ms)
            next_ms = rounded_up(model->due_ms[i]);
    return next_ms;
}

/* Either some way on, or exactly to where the wheel wants to be woken. */
static void model_pass_time(struct model *model)
{
    uint64_t next_ms = deadlines_next_ms(model->wheel);
    uint64_t wanted_ms = model_next_ms(model);

    assert_true(next_ms <= wanted_ms || next_ms <= model->now_ms);
    assert_int_equal(next_ms == DEADLINE_NEVER, wanted_ms == DEADLINE_NEVER);
    if (model_random(model, 2) == 0 || next_ms == DEADLINE_NEVER)
        model->now_ms += model_span(model);
    else if (next_ms > model->now_ms)
        model->now_ms = next_ms;
}

TEST(the_wheel_does_what_a_plain_array_of_instants_does)
{
    struct model *model = mem_new(struct model);

    model->now_ms = 123456789;
    model->random = 88172645463325252u;
    model->wheel = deadlines_create(model->now_ms);
    for (size_t i = 0; i < MODEL_COUNT; i++) {
        alarm_init(&model->alarms[i], model->wheel);
        model->due_ms[i] = DEADLINE_NEVER;
    }
    for (int round = 0; round < 20000; round++) {
        for (uint64_t changes = model_random(model, 6); changes > 0; changes--)
            model_change(model, (size_t)model_random(model, MODEL_COUNT));
        model_pass_time(model);
        model_run(model);
    }
    for (size_t i = 0; i < MODEL_COUNT; i++)
        deadline_cancel(model->wheel, &model->alarms[i].deadline);
    assert_true(deadlines_next_ms(model->wheel) == DEADLINE_NEVER);
    deadlines_destroy(model->wheel);
    mem_free(model);
}

/* A connection that is used keeps pushing its idle deadline; the loop must not wake often for it.
 */
TEST(waking_only_when_asked_fires_in_time_with_few_wakes)
{
    struct deadlines *wheel = deadlines_create(0);
    struct alarm alarm;
    int wakes = 0;
    uint64_t now_ms = 0;

    alarm_init(&alarm, wheel);
    deadline_set(wheel, &alarm.deadline, 60000);
    while (alarm.fired_count == 0) {
        now_ms = deadlines_next_ms(wheel);
        assert_true(now_ms <= 60000);
        deadlines_run(wheel, now_ms);
        wakes++;
    }
    assert_int_equal(now_ms, 60000);
    assert_in_range(wakes, 1, 4);
    deadlines_destroy(wheel);
}

TESTS(UNIT(a_deadline_fires_once_at_its_tick_and_not_before),
      UNIT(a_fresh_wheel_has_nothing_to_wake_for),
      UNIT(an_instant_that_has_passed_fires_on_the_next_run),
      UNIT(setting_itself_to_the_past_from_its_callback_does_not_run_for_ever),
      UNIT(pushing_a_deadline_away_is_only_a_store_and_it_fires_at_the_later_instant),
      UNIT(a_deadline_can_be_brought_forward),
      UNIT(a_cancelled_deadline_does_not_fire_and_wakes_nobody),
      UNIT(a_callback_may_cancel_and_free_the_next_in_the_same_slot),
      UNIT(a_callback_may_move_another_that_is_due_in_the_same_run),
      UNIT(a_jump_of_the_clock_over_centuries_is_cheap_and_right),
      UNIT(a_clock_that_goes_back_fires_nothing_early),
      UNIT(the_wheel_does_what_a_plain_array_of_instants_does),
      UNIT(waking_only_when_asked_fires_in_time_with_few_wakes))
