"""Runs one peer on one problem; has an environment of its own: ``peers.py NAME SECONDS < problem.json``.

Prints {"routes": [[..]], "wall_s": .., "cpu_s": ..}. Places are positions, starts and ends left out; ``open`` asks for
a walk that need not come back, ``worth`` is missing when every place must be served.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

Told = dict[str, Any]
Routes = list[list[int]]
FAR = 10_000_000
PRICE = 10_000  # of one unit of worth, against travel: worth comes first


def vroom(told: Told, seconds: float) -> Routes:
    """VROOM: priorities up to 100; its search ends by itself, mostly before the limit."""
    import vroom as peer  # type: ignore[import-not-found]

    problem = peer.Input()
    problem.set_durations_matrix("car", told["travel"])
    for r, (opens, closes) in enumerate(told["shifts"]):
        end = {} if told["open"] else {"end": 0}
        problem.add_vehicle(peer.Vehicle(r + 1, start=0, time_window=peer.TimeWindow(opens, closes), **end))
    top = max(told["worth"] or [1]) or 1
    for i in range(1, len(told["travel"])):
        more = {"time_windows": [peer.TimeWindow(*told["windows"][i])]} if told["windows"] else {}
        if told["worth"]:
            more["priority"] = round(told["worth"][i] * min(1.0, 100 / top))
        problem.add_job(peer.Job(i, location=i, default_service=told["service"][i], **more))
    answer = problem.solve(exploration_level=5, nb_threads=1, timeout=timedelta(seconds=seconds)).to_dict()
    routes: Routes = [[] for _ in told["shifts"]]
    for route in answer["routes"]:
        routes[route["vehicle"] - 1] = [step["id"] for step in route["steps"] if step["type"] == "job"]
    return routes


def ortools(told: Told, seconds: float) -> Routes:
    """OR-Tools: cheapest insertion, then guided local search until the limit."""
    from ortools.constraint_solver import pywrapcp, routing_enums_pb2  # type: ignore[import-not-found]

    n, m = len(told["travel"]), len(told["shifts"])
    travel = [[*row, 0] for row in told["travel"]] + [[FAR] * n + [0]]  # place n: nowhere, for open walks
    ends = [n if told["open"] else 0] * m
    manager = pywrapcp.RoutingIndexManager(n + told["open"], m, [0] * m, ends)
    routing = pywrapcp.RoutingModel(manager)
    service = [*told["service"], 0]

    def gone(a: int, b: int) -> int:
        return int(travel[manager.IndexToNode(a)][manager.IndexToNode(b)])

    def spent(a: int, b: int) -> int:
        return gone(a, b) + int(service[manager.IndexToNode(a)])

    routing.SetArcCostEvaluatorOfAllVehicles(routing.RegisterTransitCallback(gone))
    fix_start_cumul_to_zero = False
    closes = max(shift[1] for shift in told["shifts"])
    routing.AddDimension(routing.RegisterTransitCallback(spent), closes, closes, fix_start_cumul_to_zero, "time")
    clock = routing.GetDimensionOrDie("time")
    for r, (opens, shuts) in enumerate(told["shifts"]):
        clock.CumulVar(routing.Start(r)).SetRange(opens, shuts)
        clock.CumulVar(routing.End(r)).SetRange(opens, shuts)
    for i in range(1, n):
        index = manager.NodeToIndex(i)
        if told["windows"]:
            clock.CumulVar(index).SetRange(*told["windows"][i])
        if told["worth"]:
            routing.AddDisjunction([index], told["worth"][i] * PRICE)
    options = pywrapcp.DefaultRoutingSearchParameters()
    options.first_solution_strategy = routing_enums_pb2.FirstSolutionStrategy.PARALLEL_CHEAPEST_INSERTION
    options.local_search_metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    options.time_limit.FromMilliseconds(int(seconds * 1_000))
    answer = routing.SolveWithParameters(options)
    routes: Routes = [[] for _ in range(m)]
    for r in range(m if answer else 0):
        at = answer.Value(routing.NextVar(routing.Start(r)))
        while not routing.IsEnd(at):
            routes[r].append(manager.IndexToNode(at))
            at = answer.Value(routing.NextVar(at))
    return routes


def pyvrp(told: Told, seconds: float) -> Routes:
    """PyVRP: prizes; an open walk is one whose way home costs nothing."""
    from pyvrp import Model  # type: ignore[import-not-found]
    from pyvrp.stop import MaxRuntime  # type: ignore[import-not-found]

    model = Model()
    n = len(told["travel"])
    places = [model.add_location(i, i) for i in range(n)]
    depot = _pyvrp_stops(model, told, places)
    for a in range(n):
        for b in range(n):
            far = 0 if told["open"] and b == 0 else told["travel"][a][b]
            model.add_edge(places[a], places[b], distance=far, duration=far)
    for opens, closes in told["shifts"]:
        model.add_vehicle_type(1, start_depot=depot, end_depot=depot, tw_early=opens, tw_late=closes)
    answer = model.solve(stop=MaxRuntime(seconds), seed=1, display=False)
    routes: Routes = [[] for _ in told["shifts"]]
    for route in answer.best.routes() if answer.is_feasible() else []:
        routes[route.vehicle_type()] = [visit.idx + 1 for visit in route if visit.is_client()]
    return routes


def _pyvrp_stops(model: Any, told: Told, places: list[Any]) -> Any:
    for i in range(1, len(places)):
        more: dict[str, Any] = {"service_duration": told["service"][i]}
        if told["windows"]:
            more["tw_early"], more["tw_late"] = told["windows"][i]
        if told["worth"]:
            more |= {"prize": told["worth"][i] * PRICE, "required": False}
        model.add_client(places[i], **more)
    return model.add_depot(places[0])


PEERS: dict[str, Callable[[Told, float], Routes]] = {"VROOM": vroom, "OR-Tools": ortools, "PyVRP": pyvrp}


def main() -> None:
    """Solve what stands on standard input."""
    told = json.load(sys.stdin)
    wall, cpu = time.perf_counter(), time.process_time()
    routes = PEERS[sys.argv[1]](told, float(sys.argv[2]))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(json.dumps({"routes": routes, "wall_s": wall, "cpu_s": cpu}))


if __name__ == "__main__":
    main()
